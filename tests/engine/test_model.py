"""Our forward pass gives transformers' logits: prompts, steps through the cache, batches of unequal lengths."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from runtime.engine.engine import Engine, Request
from runtime.engine.errors import BaseRefused
from tests.tiny import tiny_base

SHAPES: dict[str, dict[str, Any]] = {
    "qwen3": {},
    "qwen2": {},
    "llama": {},
    "qwen3 untied, with biases": {"tie_word_embeddings": False, "attention_bias": True},
    "qwen2 untied": {"tie_word_embeddings": False},
    "llama tied, all biases": {"tie_word_embeddings": True, "attention_bias": True, "mlp_bias": True},
    "qwen3 without grouped heads": {"num_key_value_heads": 4},
    "qwen3 with one key head": {"num_key_value_heads": 1},
    "llama stretched": {"rope_parameters": {"rope_type": "linear", "rope_theta": 10000.0, "factor": 4.0}},
    "llama 3.1": {
        "rope_parameters": {
            "rope_type": "llama3",
            "rope_theta": 10000.0,
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 64,
        }
    },
}


@pytest.mark.parametrize("name", SHAPES)
def test_logits_equal_transformers(tmp_path: Path, name: str) -> None:
    """Through one prompt, through chunks of 7 tokens, through decoding, and in one batch of unequal lengths."""
    from transformers import AutoModelForCausalLM

    base = tiny_base(tmp_path, name.split()[0], shards=1 + len(name) % 3, **SHAPES[name])
    theirs = AutoModelForCausalLM.from_pretrained(base)
    prompts = [[(7 * place + 3 * size) % 450 + 3 for place in range(size)] for size in (1, 2, 15, 16, 17, 40)]
    engine = Engine.load(base, step_tokens=7, max_batch=6)
    engine.tokenizer.eos_ids = frozenset()
    results = engine.generate([Request(prompt, 12) for prompt in prompts])
    engine.check()
    for prompt, result in zip(prompts, results, strict=True):
        with torch.no_grad():
            logits = theirs(torch.tensor([prompt + result.tokens])).logits[0]
        torch.testing.assert_close(engine.last_logits(prompt), logits[len(prompt) - 1], atol=2e-5, rtol=1e-5)
        told = logits[len(prompt) - 1 : -1].argmax(-1).tolist()
        assert result.tokens == told, f"a prompt of {len(prompt)} tokens"


def test_the_cache_gives_the_logits_of_the_whole_text(base: Path) -> None:
    """Not only the same winner: the same numbers, for a step that reads its past from pages."""
    engine = Engine.load(base)
    engine.tokenizer.eos_ids = frozenset()
    seen: list[torch.Tensor] = []
    forward = engine.model.forward

    def watching(batch: Any, pages: Any) -> torch.Tensor:
        logits = forward(batch, pages)
        if pages is not None:
            seen.append(logits.clone())
        return logits

    engine.model.forward = watching  # type: ignore[method-assign]
    prompt = list(range(5, 38))
    (result,) = engine.generate([Request(prompt, 9)])
    assert len(seen) == 9
    for size, logits in enumerate(seen):
        whole = engine.last_logits(prompt + result.tokens[:size])
        torch.testing.assert_close(logits[0], whole, atol=2e-5, rtol=1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_stays_close(tmp_path: Path, dtype: torch.dtype) -> None:
    """Stored in half precision and computed in float32: the same numbers; computed in half: close to them."""
    from transformers import AutoModelForCausalLM

    base = tiny_base(tmp_path, dtype=dtype)
    prompt = list(range(10, 40))
    with torch.no_grad():
        logits = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)(torch.tensor([prompt])).logits[0, -1]
    torch.testing.assert_close(Engine.load(base).last_logits(prompt), logits, atol=2e-5, rtol=1e-5)
    half = Engine.load(base, dtype=dtype)
    assert half.model.weights.embedding.dtype == dtype
    assert (half.last_logits(prompt) - logits).abs().max() < 0.15
    assert half.generate([Request(prompt, 4)])[0].finish_reason == "length"


def test_older_checkpoints_spell_rope_and_dtype_differently(tmp_path: Path) -> None:
    new = tiny_base(
        tmp_path / "new", "llama", rope_parameters={"rope_type": "linear", "rope_theta": 5000.0, "factor": 2.0}
    )
    old = tiny_base(tmp_path / "old", "llama")
    config = json.loads((old / "config.json").read_text())
    del config["rope_parameters"], config["dtype"]
    config |= {"rope_theta": 5000.0, "rope_scaling": {"type": "linear", "factor": 2.0}, "torch_dtype": "float32"}
    (old / "config.json").write_text(json.dumps(config))
    prompt = list(range(10, 40))
    assert torch.equal(Engine.load(old).last_logits(prompt), Engine.load(new).last_logits(prompt))


def test_a_qwen3_that_does_not_say_the_size_of_its_heads_has_the_size_of_all_qwen3(tmp_path: Path) -> None:
    """128, which is not its hidden size over its heads: transformers' default, which its writers may leave out."""
    base = tiny_base(tmp_path, head_dim=128)
    told = Engine.load(base).last_logits([5, 6, 7])
    config = json.loads((base / "config.json").read_text())
    del config["head_dim"]
    (base / "config.json").write_text(json.dumps(config))
    assert torch.equal(Engine.load(base).last_logits([5, 6, 7]), told)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model_type": "mamba"}, "model_type 'mamba'"),
        ({"hidden_act": "gelu"}, "hidden_act 'gelu'"),
        ({"use_sliding_window": True}, "sliding-window"),
        ({"layer_types": ["full_attention", "sliding_attention"]}, "sliding-window"),
        ({"quantization_config": {"bits": 4}}, "quantization_config"),
        ({"quantization_config": {"quant_method": "gptq", "load_in_4bit": True}}, "quantization_config"),
        ({"rope_parameters": {"rope_type": "magic"}}, "rope type 'magic'"),
        ({"rope_parameters": {"rope_type": "linear"}}, "'factor'"),
        ({"num_key_value_heads": 3}, "4 heads over 3"),
        ({"hidden_size": None}, "hidden_size"),
        ({"hidden_size": 10**30}, "hidden_size is '1000"),
        ({"num_hidden_layers": 2.0}, "num_hidden_layers is '2.0'"),
        ({"head_dim": 10**9}, "heads of size 1000000000"),
        ({"head_dim": 7}, "heads of size 7"),
        ({"num_attention_heads": True}, "num_attention_heads is 'True'"),
        ({"intermediate_size": [96]}, "intermediate_size"),
        ({"tie_word_embeddings": "false"}, "tie_word_embeddings is 'false'"),
        ({"rms_norm_eps": float("nan")}, "rms_norm_eps is 'nan'"),
        ({"rms_norm_eps": "1e-6"}, "rms_norm_eps"),
        ({"max_position_embeddings": 0}, "max_position_embeddings"),
        ({"rope_parameters": [1, 2]}, "rope_parameters is not an object"),
        ({"layer_types": [["full_attention"]]}, "sliding-window"),
        ({"model_type": ["qwen3"]}, "model_type"),
        ({"vocab_size": -1}, "vocab_size"),
        ({"dtype": "int4"}, "dtype 'int4'"),
        ({"hidden_size": 32}, "shape"),
        ({"num_hidden_layers": 1}, r"model\.layers\.1\..* does not use"),
        ({"num_hidden_layers": 3}, r"no tensor model\.layers\.2"),
    ],
)
def test_what_cannot_be_run_is_refused_by_name(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    base = tiny_base(tmp_path)
    config = json.loads((base / "config.json").read_text())
    (base / "config.json").write_text(json.dumps(config | change))
    with pytest.raises(BaseRefused, match=words):
        Engine.load(base)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda tensor: tensor.fill_(float("nan")), "not finite"),
        (lambda tensor: tensor.index_fill_(0, torch.tensor([3]), float("inf")), "not finite"),
        (lambda tensor: tensor[:-1].clone(), "shape"),
        (lambda tensor: tensor.to(torch.int32), "floating-point"),
    ],
)
def test_weights_that_are_no_weights_are_refused(tmp_path: Path, spoil: Any, words: str) -> None:
    base = tiny_base(tmp_path)
    name = "model.layers.1.mlp.up_proj.weight"
    weights = load_file(base / "model.safetensors")
    weights[name] = spoil(weights[name])
    save_file(weights, base / "model.safetensors")
    with pytest.raises(BaseRefused, match=rf"{name}.*{words}"):
        Engine.load(base)


def test_a_file_that_is_not_safetensors_is_refused(tmp_path: Path) -> None:
    base = tiny_base(tmp_path)
    (base / "model.safetensors").write_bytes(b"\x80\x04cposix\nsystem\n.")
    with pytest.raises(BaseRefused, match="not a safetensors file"):
        Engine.load(base)
