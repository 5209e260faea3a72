"""Tiny base models with random weights, for tests: a few hundred kilobytes each, made in a second.

They are Hugging Face model directories like any other (config.json, safetensors, tokenizer.json, chat template)
and transformers loads them as they are; they are written without transformers, whose import costs ten seconds.
They know nothing: their output is noise. Norms and biases are random too, so that a forgotten one shows up.
"""

import json
import shutil
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import (
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    trainers,
)

SPECIALS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")

CHAT_TEMPLATE = (
    "{%- for message in messages %}"
    "{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)

# Enough words that frequent text is a few tokens; every other byte has a token of its own.
CORPUS = (
    "the quick brown fox jumps over the lazy dog and writes an answer for the user",
    "SELECT name, count(*) FROM city WHERE population > 1000 GROUP BY name ORDER BY name;",
    '{"name": "Ada", "age": 36, "tags": ["a", "b"], "active": true, "note": null}',
    "You are a careful assistant. Answer with JSON only. What is the sum of 12 and 30?",
    "def add(left: int, right: int) -> int:\n    return left + right\n",
    "system user assistant question answer true false null",
)

_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

_SHAPE: dict[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "max_position_embeddings": 512,
    "rms_norm_eps": 1e-6,
    "hidden_act": "silu",
    "rope_parameters": {"rope_theta": 10000.0, "rope_type": "default"},
    "attention_dropout": 0.0,
    "initializer_range": 0.02,
    "use_cache": True,
    "dtype": "float32",
}

_ARCHITECTURES: dict[str, dict[str, Any]] = {
    "qwen3": {
        "architectures": ["Qwen3ForCausalLM"],
        "model_type": "qwen3",
        "tie_word_embeddings": True,
        "attention_bias": False,
    },
    "qwen2": {
        "architectures": ["Qwen2ForCausalLM"],
        "model_type": "qwen2",
        "tie_word_embeddings": True,
    },
    "llama": {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "tie_word_embeddings": False,
        "attention_bias": False,
        "mlp_bias": False,
    },
}


def tiny_base(
    directory: Path | str,
    architecture: str = "qwen3",
    *,
    seed: int = 0,
    vocab_size: int = 512,
    shards: int = 1,
    dtype: torch.dtype = torch.float32,
    **config: Any,
) -> Path:
    """A base directory `directory/tiny-ARCHITECTURE`, the same bytes for the same arguments.

    `config` overrides fields of config.json; what costs time is done once per process.
    """
    target = Path(directory) / f"tiny-{architecture}"
    if not target.exists():
        overrides = json.dumps(config, sort_keys=True)
        made = _make(architecture, seed, vocab_size, shards, dtype, overrides)
        shutil.copytree(made, target)
    return target


@lru_cache
def _make(
    architecture: str,
    seed: int,
    vocab_size: int,
    shards: int,
    dtype: torch.dtype,
    overrides: str,
) -> Path:
    directory = Path(_room().name) / str(_make.cache_info().misses)
    directory.mkdir()
    _write_tokenizer(directory, vocab_size, template_file=architecture == "qwen3")
    shape: dict[str, Any] = _SHAPE | _ARCHITECTURES[architecture] | {"vocab_size": vocab_size}
    shape |= {"dtype": str(dtype).removeprefix("torch.")} | json.loads(overrides)
    shape |= {"bos_token_id": None, "eos_token_id": 2, "pad_token_id": 0}
    _write_json(directory / "config.json", shape)
    _write_json(
        directory / "generation_config.json",
        {"do_sample": False, "eos_token_id": [2, 0], "pad_token_id": 0},
    )
    _write_weights(directory, tiny_weights(shape, seed), shards, dtype)
    return directory


@lru_cache
def _room() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="tiny-base-")


def tiny_weights(shape: dict[str, Any], seed: int) -> dict[str, torch.Tensor]:
    """Random weights, scaled so that logits differ by more than rounding."""
    generator = torch.Generator().manual_seed(seed)
    hidden, inner = shape["hidden_size"], shape["intermediate_size"]
    queries = shape["num_attention_heads"] * shape["head_dim"]
    keys = shape["num_key_value_heads"] * shape["head_dim"]

    def matrix(rows: int, columns: int) -> torch.Tensor:
        return torch.randn(rows, columns, generator=generator).div(columns**0.5)

    def norm(size: int) -> torch.Tensor:
        return 1 + 0.2 * torch.randn(size, generator=generator)

    # Small embeddings, or a tied head would only ever repeat the last token.
    embedding = torch.randn(shape["vocab_size"], hidden, generator=generator).mul(0.15)
    weights = {"model.embed_tokens.weight": embedding}
    for layer in range(shape["num_hidden_layers"]):
        at = f"model.layers.{layer}."
        weights[at + "input_layernorm.weight"] = norm(hidden)
        weights[at + "post_attention_layernorm.weight"] = norm(hidden)
        for name, rows, columns in (
            ("self_attn.q_proj", queries, hidden),
            ("self_attn.k_proj", keys, hidden),
            ("self_attn.v_proj", keys, hidden),
            ("self_attn.o_proj", hidden, queries),
            ("mlp.gate_proj", inner, hidden),
            ("mlp.up_proj", inner, hidden),
            ("mlp.down_proj", hidden, inner),
        ):
            weights[at + name + ".weight"] = matrix(rows, columns)
            biased = shape["model_type"] == "qwen2" and name[-6] in "qkv"
            biased = biased or (shape.get("attention_bias", False) and "self_attn" in name)
            if biased or (shape.get("mlp_bias", False) and "mlp" in name):
                weights[at + name + ".bias"] = 0.3 * torch.randn(rows, generator=generator)
        if shape["model_type"] == "qwen3":
            weights[at + "self_attn.q_norm.weight"] = norm(shape["head_dim"])
            weights[at + "self_attn.k_norm.weight"] = norm(shape["head_dim"])
    weights["model.norm.weight"] = norm(hidden)
    if not shape["tie_word_embeddings"]:
        weights["lm_head.weight"] = matrix(shape["vocab_size"], hidden)
    return weights


def _write_weights(directory: Path, weights: dict[str, torch.Tensor], shards: int, dtype: torch.dtype) -> None:
    weights = {name: tensor.to(dtype) for name, tensor in weights.items()}
    if shards == 1:
        save_file(weights, directory / "model.safetensors", metadata={"format": "pt"})
        return
    names = sorted(weights)
    files = [f"model-{number + 1:05}-of-{shards:05}.safetensors" for number in range(shards)]
    for number, file in enumerate(files):
        part = {name: weights[name] for name in names[number::shards]}
        save_file(part, directory / file, metadata={"format": "pt"})
    size = sum(tensor.nbytes for tensor in weights.values())
    places = {name: files[number % shards] for number, name in enumerate(names)}
    _write_json(
        directory / "model.safetensors.index.json",
        {"metadata": {"total_size": size}, "weight_map": places},
    )


def _write_tokenizer(directory: Path, vocab_size: int, *, template_file: bool) -> None:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_SPLIT), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=list(SPECIALS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.save(str(directory / "tokenizer.json"))
    settings: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": None,
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "unk_token": None,
        "model_max_length": 512,
        "clean_up_tokenization_spaces": False,
        "additional_special_tokens": ["<|im_start|>", "<|im_end|>"],
    }
    if template_file:
        (directory / "chat_template.jinja").write_text(CHAT_TEMPLATE, encoding="utf-8")
    else:
        settings["chat_template"] = CHAT_TEMPLATE
    _write_json(directory / "tokenizer_config.json", settings)


def _write_json(path: Path, document: dict[str, Any]) -> None:
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
