"""What is exported gives our logits in transformers, in PEFT and in llama.cpp; what cannot be said is refused by name."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open

from runtime.artifact.canary import Canary, Probe
from runtime.artifact.slots import Slot, SlotRecord
from runtime.engine.engine import Engine
from runtime.errors import Problem
from runtime.export.checkpoint import write_checkpoint
from runtime.export.errors import CannotExport
from runtime.export.exporting import FORMATS, Wanted, export
from tests.export import llama_cpp
from tests.tiny import tiny_base

PROMPT = [(7 * place) % 450 + 3 for place in range(40)]
TEXT = "SELECT name, count(*) FROM city; I'm 36 years old — naïve   größe\n\n  <|im_start|>user"


def _sizes(engine: Engine) -> dict[str, tuple[int, int]]:
    return {
        module: (part.stop - part.start, linear.matrix.inputs)
        for module, linear, part in engine.model.weights.modules()
    }


def lora(engine: Engine) -> SlotRecord:
    """Ranks that differ, and modules that only one layer adapts."""
    torch.manual_seed(1)
    slots = {}
    for number, (module, (outputs, inputs)) in enumerate(_sizes(engine).items()):
        if module != "model.layers.0.mlp.up_proj" and "o_proj" not in module:
            rank = 2 + number % 3
            slots[module] = Slot(a=torch.randn(rank, inputs) / inputs**0.5, b=torch.randn(outputs, rank) * 0.5)
    return SlotRecord("lora", slots)


def everything(engine: Engine) -> SlotRecord:
    """Every part of a slot somewhere, and all of them at once on one module."""
    slots = dict(lora(engine).slots)
    for number, (module, (outputs, inputs)) in enumerate(_sizes(engine).items()):
        slot = slots.get(module, Slot())
        if number % 3 == 0:
            slot = replace(slot, g_out=torch.randn(outputs) * 0.2)
        if number % 4 == 0:
            slot = replace(slot, g_in=1 + torch.randn(inputs) * 0.2)
        if number % 5 == 0:
            slot = replace(slot, k=(torch.randn(4, 2) * 0.2, torch.randn(outputs // 4, inputs // 2) * 0.2))
        if number % 6 == 0:
            rows = torch.arange(0, outputs, 5)
            slot = replace(slot, s=(rows.int(), (rows % inputs).int(), torch.randn(len(rows)) * 0.3))
        if slot != Slot():
            slots[module] = slot
    return SlotRecord("everything", slots)


def _attached(base: Path, record: SlotRecord) -> Engine:
    engine = Engine.load(base)
    engine.attach("it", record, "it")
    return engine


def _transformers(directory: Path) -> Any:
    from transformers import AutoModelForCausalLM

    loader: Any = AutoModelForCausalLM
    return loader.from_pretrained(directory, dtype=torch.float32).eval()


@torch.no_grad()
def _last(model: Any) -> torch.Tensor:
    found: torch.Tensor = model(input_ids=torch.tensor([PROMPT])).logits[0, -1]
    return found


SHAPES: dict[str, dict[str, Any]] = {
    "qwen3": {},
    "qwen2": {"tie_word_embeddings": False},
    "llama": {},
}


@pytest.mark.parametrize("name", SHAPES)
def test_a_merged_checkpoint_is_the_expert_in_transformers(tmp_path: Path, name: str) -> None:
    base = tiny_base(tmp_path, name, shards=2, **SHAPES[name])
    ours = _attached(base, everything(Engine.load(base)))
    record = everything(ours)
    ours.attach("it", record, "it")
    told = ours.last_logits(PROMPT, "it")
    files = export(Wanted(base, name, record), "merged", tmp_path / "out")
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= set(files)
    torch.testing.assert_close(_last(_transformers(tmp_path / "out")), told, atol=5e-5, rtol=1e-4)
    torch.testing.assert_close(Engine.load(tmp_path / "out").last_logits(PROMPT), told, atol=5e-5, rtol=1e-4)


def test_a_merged_checkpoint_may_be_of_several_files_and_of_fewer_bits(tmp_path: Path) -> None:
    base = tiny_base(tmp_path)
    ours = _attached(base, lora(Engine.load(base)))
    folder = tmp_path / "many"
    folder.mkdir()
    write_checkpoint(base, lora(ours), folder, dtype="bf16", shard=40_000)
    assert len(list(folder.glob("model-*.safetensors"))) > 3 and (folder / "model.safetensors.index.json").is_file()
    with safe_open(next(folder.glob("model-*.safetensors")), "pt") as opened:
        assert {opened.get_tensor(name).dtype for name in opened.offset_keys()} == {torch.bfloat16}
    told, found = ours.last_logits(PROMPT, "it"), Engine.load(folder).last_logits(PROMPT)
    assert torch.corrcoef(torch.stack((told, found)))[0, 1] > 0.999
    torch.testing.assert_close(_last(_transformers(folder)), found, atol=5e-5, rtol=1e-4)


def test_an_experts_rope_travels_in_the_merged_config(tmp_path: Path) -> None:
    base = tiny_base(tmp_path, max_position_embeddings=64)
    ours = _attached(base, lora(Engine.load(base)))
    for number, rope in enumerate(
        (
            {"rope_type": "yarn", "factor": 4.0},
            {"rope_type": "ntk", "factor": 2.0},
            {"rope_type": "ntk_by_parts", "factor": 2.0},
            {"rope_type": "linear", "factor": 2.0},
        )
    ):
        folder = tmp_path / f"{number}"
        export(Wanted(base, "tiny", lora(ours), rope=rope), "merged", folder)
        told = ours.last_logits(PROMPT, "it", rope=rope)
        torch.testing.assert_close(Engine.load(folder).last_logits(PROMPT), told, atol=5e-5, rtol=1e-4)
        torch.testing.assert_close(_last(_transformers(folder)), told, atol=5e-5, rtol=1e-4)


@pytest.mark.parametrize("name", ["qwen3", "llama"])
def test_a_lora_is_the_expert_in_peft(tmp_path: Path, name: str) -> None:
    import peft

    base = tiny_base(tmp_path, name)
    ours = _attached(base, lora(Engine.load(base)))
    files = export(Wanted(base, "some/base", lora(ours)), "peft", tmp_path / "out")
    assert files == ["adapter_config.json", "adapter_model.safetensors"]
    model = peft.PeftModel.from_pretrained(_transformers(base), tmp_path / "out").eval()
    torch.testing.assert_close(_last(model), ours.last_logits(PROMPT, "it"), atol=5e-5, rtol=1e-4)
    assert json.loads((tmp_path / "out" / "adapter_config.json").read_text())["base_model_name_or_path"] == "some/base"


LLAMA3 = {"rope_type": "llama3", "rope_theta": 1e4, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
GGUF: dict[str, dict[str, Any]] = {
    "qwen3": {},
    "qwen2": {},
    "qwen2 untied": {"tie_word_embeddings": False},
    "llama": {},
    "llama with biases": {"attention_bias": True},
    "llama 3.1": {"rope_parameters": {**LLAMA3, "original_max_position_embeddings": 64}},
    "qwen3 linear": {"rope_parameters": {"rope_type": "linear", "rope_theta": 1e4, "factor": 4.0}},
    "qwen3 yarn": {
        "rope_parameters": {
            "rope_type": "yarn",
            "rope_theta": 1e4,
            "factor": 4.0,
            "original_max_position_embeddings": 128,
        }
    },
}


@pytest.mark.parametrize("name", GGUF)
def test_a_gguf_is_the_expert_in_llama_cpp(tmp_path: Path, name: str) -> None:
    """The merged model, and base and adapter apart."""
    pytest.importorskip("cyllama")
    base = tiny_base(tmp_path, name.split()[0], **GGUF[name])
    ours = _attached(base, everything(Engine.load(base)))
    export(Wanted(base, "tiny", everything(ours)), "gguf", tmp_path / "merged")
    with llama_cpp.opened(tmp_path / "merged" / "model.gguf") as model:
        told = ours.last_logits(PROMPT, "it")
        torch.testing.assert_close(llama_cpp.logits(model, PROMPT), told, atol=2e-3, rtol=1e-3)
        vocabulary = model.get_vocab()
        assert list(vocabulary.tokenize(TEXT, False, False)) == ours.tokenizer.encode(TEXT)
        assert next(iter(vocabulary.tokenize("<|im_start|>user", False, True))) == 1
    export(Wanted(base, "tiny"), "gguf", tmp_path / "base")
    ours.attach("it", lora(ours), "lora")
    export(Wanted(base, "tiny", lora(ours)), "gguf-lora", tmp_path / "lora")
    with llama_cpp.opened(tmp_path / "base" / "model.gguf") as model:
        torch.testing.assert_close(llama_cpp.logits(model, PROMPT), ours.last_logits(PROMPT), atol=2e-3, rtol=1e-3)
        assert model.lora_adapter_init(str(tmp_path / "lora" / "adapter.gguf")) is not None
    folded = llama_cpp.fold(tmp_path / "base" / "model.gguf", tmp_path / "lora" / "adapter.gguf", tmp_path / "folded")
    with llama_cpp.opened(folded) as model:
        told = ours.last_logits(PROMPT, "it")
        torch.testing.assert_close(llama_cpp.logits(model, PROMPT), told, atol=2e-3, rtol=1e-3)


@pytest.mark.parametrize("dtype", ["bf16", "fp16"])
def test_a_gguf_in_half_precision_is_read(tmp_path: Path, dtype: str) -> None:
    gguf = pytest.importorskip("gguf")
    base = tiny_base(tmp_path)
    export(Wanted(base, "tiny", dtype=dtype), "gguf", tmp_path / "out")
    kinds = {
        tensor.name: tensor.tensor_type.name for tensor in gguf.GGUFReader(tmp_path / "out" / "model.gguf").tensors
    }
    assert (
        kinds["blk.1.ffn_up.weight"] == {"bf16": "BF16", "fp16": "F16"}[dtype] and kinds["output_norm.weight"] == "F32"
    )
    with llama_cpp.opened(tmp_path / "out" / "model.gguf") as model:
        found, told = llama_cpp.logits(model, PROMPT), Engine.load(base).last_logits(PROMPT)
        assert torch.corrcoef(torch.stack((found, told)))[0, 1] > 0.999


def test_the_shipped_base_is_exported_for_token_ids_since_its_splitting_has_no_name(tmp_path: Path) -> None:
    pytest.importorskip("gguf")
    from runtime.engine.base import locate

    nano = locate("package:nano")
    with pytest.raises(CannotExport, match="no name for the way this base's tokenizer splits"):
        export(Wanted(nano, "nano"), "gguf", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
    export(Wanted(nano, "nano", tokenizer=False, dtype="fp32"), "gguf", tmp_path / "out")
    with llama_cpp.opened(tmp_path / "out" / "model.gguf") as model:
        told = Engine.load(nano).last_logits(PROMPT)
        torch.testing.assert_close(llama_cpp.logits(model, PROMPT), told, atol=5e-3, rtol=1e-3)


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"g_out": torch.zeros(64)}, "a factor for each output.*DoRA's norm"),
    ({"g_in": torch.ones(64)}, "a factor for each input"),
    ({"k": (torch.ones(8, 8), torch.ones(8, 8))}, "a Kronecker product"),
    ({"s": (torch.tensor([1]), torch.tensor([1]), torch.ones(1))}, "a sparse part"),
]


@pytest.mark.parametrize(("part", "words"), REFUSED)
@pytest.mark.parametrize("format", ["peft", "gguf-lora"])
def test_what_is_no_lora_is_refused_by_name(base: Path, tmp_path: Path, part: Any, words: str, format: str) -> None:
    if format == "gguf-lora":
        pytest.importorskip("gguf")
    slot = Slot(a=torch.ones(1, 64), b=torch.ones(64, 1), **part)
    record = SlotRecord("odd", {"model.layers.0.self_attn.q_proj": slot})
    with pytest.raises(CannotExport, match=f"{words}.*format=merged"):
        export(Wanted(base, "tiny", record), format, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rope": {"rope_type": "yarn", "factor": 2.0}}, "a rope of its own"),
        ({"dtype": "bf16"}, "written in fp32"),
        ({"record": None}, "an expert without its base"),
    ],
)
def test_what_an_adapter_file_cannot_carry_is_refused(base: Path, tmp_path: Path, change: Any, words: str) -> None:
    wanted = Wanted(base, "tiny", lora(Engine.load(base)))
    with pytest.raises(CannotExport, match=words):
        export(replace(wanted, **change), "peft", tmp_path / "out")


def test_gguf_refuses_the_shapes_it_would_misread(tmp_path: Path) -> None:
    pytest.importorskip("gguf")
    for number, (change, words) in enumerate(
        (
            ({"attention_bias": True}, "biases"),
            ({"rope_parameters": {"rope_type": "dynamic", "rope_theta": 1e4, "factor": 2.0}}, "rope type dynamic"),
            (
                {"rope_parameters": {"rope_type": "yarn", "rope_theta": 1e4, "factor": 2.0, "beta_fast": 20}},
                "yarn has no beta_fast",
            ),
        )
    ):
        with pytest.raises(CannotExport, match=words):
            export(Wanted(tiny_base(tmp_path / f"{number}", **change), "x"), "gguf", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_expert_that_does_not_fit_the_base_is_refused(base: Path, tmp_path: Path) -> None:
    for slots, words in (
        ({"model.layers.7.self_attn.q_proj": Slot(g_out=torch.zeros(64))}, "which this base does not have"),
        ({"model.layers.0.self_attn.q_proj": Slot(g_out=torch.zeros(65))}, "does not fit its shape"),
        (
            {"model.layers.0.self_attn.q_proj": Slot(a=torch.full((1, 64), 1e30), b=torch.full((64, 1), 1e30))},
            "not finite",
        ),
    ):
        with pytest.raises(CannotExport, match=words):
            export(Wanted(base, "tiny", SlotRecord("x", slots)), "merged", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_the_output_is_new_whole_or_not_there(base: Path, tmp_path: Path) -> None:
    full = tmp_path / "full"
    full.mkdir()
    (full / "mine").write_text("kept")
    with pytest.raises(CannotExport, match="new or an empty folder"):
        export(Wanted(base, "tiny"), "merged", full)
    with pytest.raises(CannotExport, match="no format 'onnx'"):
        export(Wanted(base, "tiny"), "onnx", tmp_path / "out")
    assert os.listdir(full) == ["mine"] and os.listdir(tmp_path) == ["full"]
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "config.json" in export(Wanted(base, "tiny"), "merged", empty)
    assert set(FORMATS) == {"peft", "merged", "gguf", "gguf-lora"}


def test_a_merged_checkpoint_has_to_reproduce_the_canary(base: Path, tmp_path: Path) -> None:
    ours = _attached(base, lora(Engine.load(base)))
    values, ids = ours.last_logits(PROMPT, "it").topk(64)
    canary = Canary([Probe(torch.tensor(PROMPT, dtype=torch.int32), ids.int(), values)], 1e-3)
    wanted = Wanted(base, "tiny", lora(ours), canary=canary)
    export(wanted, "merged", tmp_path / "fine")
    export(replace(wanted, dtype="bf16"), "merged", tmp_path / "rounded")
    wrong = Canary([replace(canary.probes[0], top_values=values + 1)], 1e-3)
    with pytest.raises(Problem, match="is not the expert: canary 0 is off by 1"):
        export(replace(wanted, canary=wrong), "merged", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "spoil",
    [
        {"model": {"type": "WordPiece", "vocab": {}}},
        {"model": None},
        {"pre_tokenizer": {"type": "Sequence", "pretokenizers": [1, 2]}},
        {"pre_tokenizer": {"type": "Sequence"}},
        {"pre_tokenizer": {"type": "Whitespace"}},
        {"added_tokens": [{"id": "x"}]},
        {"model": {"type": "BPE", "vocab": {"a": 10**9}, "merges": []}},
        {"model": {"type": "BPE", "vocab": {"a": 0}, "merges": [3]}},
    ],
)
def test_a_tokenizer_that_llama_cpp_could_not_follow_is_refused(tmp_path: Path, spoil: dict[str, Any]) -> None:
    pytest.importorskip("gguf")
    base = tiny_base(tmp_path)
    document = json.loads((base / "tokenizer.json").read_text())
    (base / "tokenizer.json").write_text(json.dumps(document | spoil))
    with pytest.raises(CannotExport, match="token"):
        export(Wanted(base, "tiny"), "gguf", tmp_path / "out")
    assert not (tmp_path / "out").exists()
