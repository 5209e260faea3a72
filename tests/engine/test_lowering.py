"""Lowering: what a record cannot say is refused by name, and what it says is PEFT's own arithmetic."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from expertbuild.training.errors import CannotLower
from expertbuild.training.lowering import lower
from runtime.artifact.slots import read_slots, write_slots
from runtime.engine.engine import Engine
from tests.engine.conftest import TARGETS, Trained, train
from tests.tiny import tiny_base

PROMPT = list(range(20, 50))
KINDS = ["lora", "rslora", "dora", "ia3", "loha", "lokr"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_record_says_its_kind_and_survives_its_file(base: Path, trained: dict[str, Trained], kind: str) -> None:
    record = lower(trained[kind].directory, base)
    assert record.kind == kind
    again = read_slots(write_slots(record, "fp32"))
    assert again.kind == kind and again.slots.keys() == record.slots.keys()
    assert write_slots(lower(trained[kind].directory, base), "fp32") == write_slots(record, "fp32")


def test_loha_compiles_to_the_square_of_its_rank_and_lokr_stays_small(base: Path, trained: dict[str, Trained]) -> None:
    loha = lower(trained["loha"].directory, base).slots["model.layers.0.mlp.up_proj"]
    assert loha.a is not None and loha.a.shape == (9, 64)
    lokr = lower(trained["lokr"].directory, base).slots["model.layers.0.mlp.up_proj"]
    assert lokr.k is not None and lokr.a is None
    assert sum(tensor.numel() for tensor in lokr.k) < 96 * 64 / 3


def test_patterns_of_rank_and_alpha_are_read_as_peft_reads_them(base: Path, trained: dict[str, Trained]) -> None:
    slots = lower(trained["lora"].directory, base).slots
    ranks = {module: slot.a.shape[0] for module, slot in slots.items() if slot.a is not None}
    assert ranks["model.layers.1.mlp.down_proj"] == 7
    assert ranks["model.layers.0.mlp.down_proj"] == 4
    assert ranks["model.layers.0.self_attn.k_proj"] == 2


@pytest.mark.parametrize(
    "change",
    [
        {"use_dora": True, "use_rslora": True, "lora_alpha": 3},
        {"init_lora_weights": "gaussian"},
        {"target_modules": ["o_proj"], "layers_to_transform": [1]},
        {"target_modules": r".*\.mlp\..*_proj"},
    ],
    ids=str,
)
def test_further_lora_options_equal_peft(base: Path, tmp_path: Path, change: dict[str, Any]) -> None:
    import peft

    config: dict[str, Any] = {"r": 3, "lora_alpha": 4, "target_modules": TARGETS, "init_lora_weights": False} | change
    assert_parity(base, train(base, tmp_path, peft.LoraConfig(**config)))


@pytest.mark.parametrize("factor", [-1, 2, 8, 16])
@pytest.mark.parametrize("both", [True, False])
def test_lokr_with_any_split_equals_peft(base: Path, tmp_path: Path, factor: int, both: bool) -> None:
    import peft

    config = peft.LoKrConfig(
        r=2, alpha=3, target_modules=TARGETS, init_weights=False, decompose_factor=factor, decompose_both=both
    )
    assert_parity(base, train(base, tmp_path, config))


@pytest.mark.parametrize("architecture", ["qwen2", "llama"])
@pytest.mark.parametrize("dora", [True, False])
def test_biases_and_other_architectures_equal_peft(tmp_path: Path, architecture: str, dora: bool) -> None:
    """DoRA on layers with a bias: the weight path is scaled, the bias is not."""
    import peft

    base = tiny_base(tmp_path, architecture)
    config = peft.LoraConfig(r=4, target_modules=TARGETS, use_dora=dora, init_lora_weights=False)
    assert_parity(base, train(base, tmp_path / "adapter", config))


def test_norms_come_from_the_weights_that_the_engine_holds(tmp_path: Path) -> None:
    """A bfloat16 checkpoint computed in float32; and a float32 one that the engine will round."""
    import peft

    config = peft.LoraConfig(r=4, target_modules=TARGETS, use_dora=True, init_lora_weights=False)
    stored_half = tiny_base(tmp_path / "half", dtype=torch.bfloat16)
    assert_parity(stored_half, train(stored_half, tmp_path / "a", config))
    base = tiny_base(tmp_path / "full")
    trained = train(base, tmp_path / "b", config)
    exact, rounded = lower(trained.directory, base), lower(trained.directory, base, dtype=torch.bfloat16)
    left, right = (record.slots["model.layers.0.mlp.up_proj"].g_out for record in (exact, rounded))
    assert left is not None and right is not None
    assert 0 < (left - right).abs().max() < 0.01


def test_vera_equals_peft_and_wants_its_projections(base: Path, tmp_path: Path) -> None:
    import peft

    trained = train(base, tmp_path / "vera", peft.VeraConfig(r=12, target_modules=TARGETS))
    assert_parity(base, trained)
    config = peft.VeraConfig(r=12, target_modules=TARGETS, save_projection=False)
    with pytest.raises(CannotLower, match="holds no projections"):
        lower(train(base, tmp_path / "bare", config).directory, base)


def test_adalora_equals_peft_whole_and_pruned(base: Path, tmp_path: Path) -> None:
    """Pruned as PEFT prunes: singular values are zero, and their rows are not saved; one layer loses all of them."""
    import peft
    from transformers import AutoModelForCausalLM

    def config() -> Any:
        return peft.AdaLoraConfig(init_r=6, target_r=3, total_step=9, lora_alpha=5, target_modules=TARGETS)

    assert_parity(base, train(base, tmp_path / "whole", config()))
    loader: Any = AutoModelForCausalLM
    torch.manual_seed(2)
    model = peft.get_peft_model(loader.from_pretrained(base, dtype=torch.float32), config()).eval()
    pattern = {}
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_" in name:
                parameter.copy_(torch.randn_like(parameter) * 0.3)
            if "lora_E" in name:
                kept = [
                    not name.startswith("base_model.model.model.layers.0.mlp.up") and row % 2 == 0 for row in range(6)
                ]
                parameter[[not each for each in kept]] = 0
                pattern[name.removeprefix("base_model.model.")] = kept
    model.peft_config["default"].rank_pattern = pattern
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([PROMPT])).logits[0]
    model.save_pretrained(tmp_path / "pruned")
    record = lower(tmp_path / "pruned", base)
    assert "model.layers.0.mlp.up_proj" not in record.slots
    assert {slot.a.shape[0] for slot in record.slots.values() if slot.a is not None} == {3}
    assert_parity(base, Trained(tmp_path / "pruned", lambda _: logits))


def test_ia3_on_outputs_with_a_bias_is_refused(tmp_path: Path) -> None:
    """PEFT would scale the bias with the rest, a record leaves it alone."""
    import peft

    base = tiny_base(tmp_path, "qwen2")
    targets = ["k_proj", "down_proj"]
    config = peft.IA3Config(target_modules=targets, feedforward_modules=["down_proj"])
    with pytest.raises(CannotLower, match=r"k_proj, which has a bias"):
        lower(train(base, tmp_path / "adapter", config).directory, base)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"bias": "all"}, "uses bias"),
        ({"lora_bias": True}, "uses lora_bias"),
        ({"modules_to_save": ["lm_head"]}, "uses modules_to_save"),
        ({"fan_in_fan_out": True}, "uses fan_in_fan_out"),
        ({"layer_replication": [[0, 2]]}, "uses layer_replication"),
        ({"trainable_token_indices": [1]}, "uses trainable_token_indices"),
        ({"use_qalora": True}, "uses use_qalora"),
        ({"use_effective_conv2d": True}, "uses use_effective_conv2d"),
        ({"something_new": 1}, "uses something_new"),
        ({"init_lora_weights": "pissa"}, "initialised with 'pissa'"),
        ({"peft_type": "OFT"}, "type OFT"),
        ({"peft_type": "BOFT"}, "type BOFT"),
        ({"peft_type": None}, "type None"),
    ],
)
def test_an_option_that_a_record_cannot_express_is_named(
    base: Path, trained: dict[str, Trained], tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    _copy(trained["lora"], tmp_path, config=change)
    with pytest.raises(CannotLower, match=words):
        lower(tmp_path, base)


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        ({"base_model.model.lm_head.weight": torch.ones(2, 2)}, r"holds base_model\.model\.lm_head\.weight"),
        ({"base_model.model.lm_head.lora_A.weight": torch.ones(2, 2)}, "lm_head"),
        ({"base_model.model.model.layers.0.mlp.up_proj.lora_B.bias": torch.ones(2)}, "lora_B.bias"),
        ({"base_model.model.model.layers.7.mlp.up_proj.lora_A.weight": torch.ones(2, 64)}, "no tensor lora_B"),
        ({"base_model.model.model.layers.0.mlp.up_proj.lora_A.weight": torch.full((4, 64), torch.nan)}, "not finite"),
    ],
)
def test_a_tensor_that_does_not_belong_is_named(
    base: Path, trained: dict[str, Trained], tmp_path: Path, tensors: dict[str, torch.Tensor], words: str
) -> None:
    _copy(trained["lora"], tmp_path, tensors=tensors)
    with pytest.raises(CannotLower, match=words):
        lower(tmp_path, base)


@pytest.mark.parametrize(
    ("kind", "change", "words"),
    [
        ("lora", {"r": 8}, "rank 8 by its configuration and 4 by its tensors"),
        ("dora", {"r": 0, "rank_pattern": {}}, "the rank 0, which is none"),
        ("loha", {"r": "three"}, "the rank three"),
        ("loha", {"r": 4}, "rank 4 by its configuration and 3"),
        ("lokr", {"r": None}, "the rank None"),
        ("lora", {"rank_pattern": {"(": 3}}, "do not fit"),
        ("lora", {"rank_pattern": [7]}, "do not fit"),
        ("rslora", {"lora_alpha": {}}, "do not fit"),
        ("lokr", {"alpha": None}, "do not fit"),
        ("lora", {"peft_type": ["LORA"]}, "cannot be compiled"),
    ],
)
def test_a_configuration_that_is_not_that_of_its_tensors_is_named(
    base: Path, trained: dict[str, Trained], tmp_path: Path, kind: str, change: dict[str, Any], words: str
) -> None:
    """A rank that the tensors do not have would only change the scale, and nobody would see it."""
    _copy(trained[kind], tmp_path, config=change)
    with pytest.raises(CannotLower, match=words):
        lower(tmp_path, base)


def test_tensors_that_do_not_fit_together_are_named(base: Path, trained: dict[str, Trained], tmp_path: Path) -> None:
    name = "base_model.model.model.layers.1.mlp.up_proj.lokr_w2_a"
    _copy(trained["lokr"], tmp_path, tensors={name: torch.ones(24, 5)})
    with pytest.raises(CannotLower, match=r"layers\.1\.mlp\.up_proj: .* do not fit"):
        lower(tmp_path, base)


def test_pickled_and_empty_adapters_are_refused(base: Path, trained: dict[str, Trained], tmp_path: Path) -> None:
    _copy(trained["lora"], tmp_path)
    (tmp_path / "adapter_model.safetensors").rename(tmp_path / "adapter_model.bin")
    with pytest.raises(CannotLower, match="never read"):
        lower(tmp_path, base)
    save_file({}, tmp_path / "adapter_model.safetensors")
    with pytest.raises(CannotLower, match="is empty"):
        lower(tmp_path, base)
    (tmp_path / "adapter_model.safetensors").write_bytes(b"nothing")
    with pytest.raises(CannotLower, match="not a safetensors file"):
        lower(tmp_path, base)


def test_dora_of_another_base_is_refused(trained: dict[str, Trained], tmp_path: Path) -> None:
    with pytest.raises(CannotLower, match="not what the adapter was trained on"):
        lower(trained["dora"].directory, tiny_base(tmp_path, hidden_size=32))


def assert_parity(base: Path, trained: Trained) -> None:
    engine = Engine.load(base)
    engine.attach("it", lower(trained.directory, base), "d")
    ours = engine.last_logits(PROMPT, "it")
    torch.testing.assert_close(ours, trained.logits(PROMPT)[-1], atol=2e-5, rtol=0)
    assert (ours - engine.last_logits(PROMPT)).abs().max() > 0.05


def _copy(
    trained: Trained,
    target: Path,
    *,
    config: dict[str, Any] | None = None,
    tensors: dict[str, torch.Tensor] | None = None,
) -> None:
    told = json.loads((trained.directory / "adapter_config.json").read_text())
    (target / "adapter_config.json").write_text(json.dumps(told | (config or {})))
    weights = load_file(trained.directory / "adapter_model.safetensors")
    save_file(weights | (tensors or {}), target / "adapter_model.safetensors")
