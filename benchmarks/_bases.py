"""Bases to measure on, with random weights: a size in, a directory that this engine, transformers and llama.cpp read out.

Nothing is fetched. The tokenizer is byte-level BPE, learned from the sources of Python's own library: as many tokens as
are asked for, each a piece of real text, which is what a grammar's masks depend on. It takes a minute for 151,000, so
that a benchmark which never looks at text asks for few of them; the model's vocabulary is as large either way.
"""

import json
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor

from runtime.artifact.slots import Slot, SlotRecord

# Layers, hidden, inner, heads, key-value heads, size of a head, vocabulary.
SIZES: dict[str, tuple[int, int, int, int, int, int, int]] = {
    "qwen3-0.6b": (28, 1024, 3072, 16, 8, 128, 151_936),
    "wide": (4, 256, 768, 4, 2, 64, 151_936),  # nano's layers under the vocabulary of Qwen3
    "nano": (4, 256, 768, 4, 2, 64, 2048),
    "tiny": (2, 64, 96, 4, 2, 16, 512),
}
SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
_SPLIT = r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def make_base(folder: Path, size: str, *, tokens: int = 512, dtype: torch.dtype = torch.bfloat16) -> Path:
    """A Qwen3 of this size in `folder`, with a tokenizer of that many tokens; what is there already is taken."""
    layers, hidden, inner, heads, kv_heads, head_dim, vocab = SIZES[size]
    target = folder / f"{size}-{tokens}-{str(dtype).removeprefix('torch.')}"
    if (target / "model.safetensors").exists():
        return target
    target.mkdir(parents=True, exist_ok=True)
    config = {
        "architectures": ["Qwen3ForCausalLM"],
        "model_type": "qwen3",
        "vocab_size": vocab,
        "hidden_size": hidden,
        "intermediate_size": inner,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "head_dim": head_dim,
        "max_position_embeddings": 4096,
        "rms_norm_eps": 1e-6,
        "hidden_act": "silu",
        "rope_parameters": {"rope_theta": 1_000_000.0, "rope_type": "default"},
        "attention_bias": False,
        "tie_word_embeddings": True,
        "dtype": str(dtype).removeprefix("torch."),
        "bos_token_id": None,
        "eos_token_id": 2,
        "pad_token_id": 0,
    }
    _write_json(target / "config.json", config)
    _write_json(target / "generation_config.json", {"do_sample": False, "eos_token_id": 2, "pad_token_id": 0})
    _write_json(
        target / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "eos_token": "<|im_end|>",
            "pad_token": "<|endoftext|>",
            "chat_template": TEMPLATE,
        },
    )
    learned(min(tokens, vocab)).save(str(target / "tokenizer.json"))
    weights = {name: tensor.to(dtype) for name, tensor in random_weights(size)}
    save_file(weights, target / "model.safetensors", metadata={"format": "pt"})
    return target


def random_weights(size: str) -> Iterator[tuple[str, Tensor]]:
    layers, hidden, _, _, _, head_dim, vocab = SIZES[size]
    random = torch.Generator().manual_seed(0)
    yield "model.embed_tokens.weight", torch.randn(vocab, hidden, generator=random).mul_(0.02)
    for layer in range(layers):
        at = f"model.layers.{layer}."
        for module, (outputs, inputs) in projections(size).items():
            yield f"{at}{module}.weight", torch.randn(outputs, inputs, generator=random).div_(inputs**0.5)
        for norm in ("input_layernorm", "post_attention_layernorm"):
            yield f"{at}{norm}.weight", torch.ones(hidden)
        for norm in ("self_attn.q_norm", "self_attn.k_norm"):
            yield f"{at}{norm}.weight", torch.ones(head_dim)
    yield "model.norm.weight", torch.ones(hidden)


def projections(size: str) -> dict[str, tuple[int, int]]:
    """Every linear of one layer: outputs, inputs."""
    _, hidden, inner, heads, kv_heads, head_dim, _ = SIZES[size]
    return {
        "self_attn.q_proj": (heads * head_dim, hidden),
        "self_attn.k_proj": (kv_heads * head_dim, hidden),
        "self_attn.v_proj": (kv_heads * head_dim, hidden),
        "self_attn.o_proj": (hidden, heads * head_dim),
        "mlp.gate_proj": (inner, hidden),
        "mlp.up_proj": (inner, hidden),
        "mlp.down_proj": (hidden, inner),
    }


def random_lora(size: str, *, rank: int = 12, seed: int = 0) -> SlotRecord:
    """A LoRA on every linear of every layer; small enough that the base still decides most."""
    random = torch.Generator().manual_seed(seed)
    slots = {}
    for layer in range(SIZES[size][0]):
        for module, (outputs, inputs) in projections(size).items():
            a = torch.randn(rank, inputs, generator=random).div_(inputs**0.5)
            slots[f"model.layers.{layer}.{module}"] = Slot(a, torch.randn(outputs, rank, generator=random).mul_(0.03))
    return SlotRecord("lora", slots)


def learned(tokens: int) -> Tokenizer:
    """A tokenizer of nearly that many tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_SPLIT), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=tokens,
        special_tokens=SPECIALS,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    few = tokens < 10_000  # the first files have more words than that
    tokenizer.train_from_iterator(list(_sources())[: 20 if few else None], trainer)
    return tokenizer


def _sources() -> Iterator[str]:
    for file in sorted(Path(sysconfig.get_paths()["stdlib"]).rglob("*.py")):
        if "site-packages" not in file.parts:
            yield file.read_text(encoding="utf-8", errors="replace")


def _write_json(path: Path, document: dict[str, Any]) -> None:
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
