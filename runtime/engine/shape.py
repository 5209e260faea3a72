"""What config.json says about a model, as one frozen value; what this engine cannot run is refused by name here."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from runtime.engine import nf4
from runtime.engine.base import read_json
from runtime.engine.errors import BaseRefused
from runtime.engine.rope import Rope, rope_of


@dataclass(frozen=True)
class Shape:
    """The sizes and switches of one model."""

    architecture: str
    vocab: int
    hidden: int
    inner: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    context: int
    norm_eps: float
    tied: bool
    qk_norm: bool
    qkv_bias: bool
    out_bias: bool
    mlp_bias: bool
    rope: Rope
    theta: float  # what a rope that a request asks for is computed from
    dtype: torch.dtype

    @classmethod
    def read(cls, directory: Path) -> "Shape":
        """The shape of a base directory."""
        config = read_json(directory / "config.json")
        try:
            return _shape(config)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            reason = f"has no {error}" if isinstance(error, KeyError) else str(error)
            raise BaseRefused(f"{reason}.", where=str(directory / "config.json")) from error


_MOST = 1 << 31  # of anything counted in a config.json
_MOST_HEAD_DIM = 8192
_DTYPES = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}

# Which linear layers carry a bias, and whether queries and keys are normed, per architecture.
_QWEN3 = {"qk_norm": True}
_QWEN2 = {"qkv_bias": True}
_ARCHITECTURES: dict[str, dict[str, bool]] = {
    "qwen3": _QWEN3,
    "qwen2": _QWEN2,
    "llama": {},
}
# The size of a head where config.json does not say it, if that is not the hidden size over the heads.
_HEAD_DIMS = {"qwen3": 128}


def _shape(config: Mapping[str, Any]) -> Shape:
    kind = config.get("model_type")
    if not isinstance(kind, str) or kind not in _ARCHITECTURES:
        known = ", ".join(_ARCHITECTURES)
        raise ValueError(f"model_type {str(kind)[:40]!r} is not one this engine runs ({known})")
    if config.get("hidden_act", "silu") != "silu":
        raise ValueError(f"hidden_act {config['hidden_act']!r} is not supported, only silu")
    stored = config.get("quantization_config")
    if stored and not nf4.understood(stored):
        raise ValueError("quantization_config is set; this engine reads plain weights, and bitsandbytes' 4 bits")
    layer_types = [each for each in config.get("layer_types") or () if each != "full_attention"]
    if config.get("use_sliding_window") or layer_types:
        raise ValueError("sliding-window attention is not supported")
    heads = _positive(config, "num_attention_heads")
    hidden = _positive(config, "hidden_size")
    kv_heads = heads
    if config.get("num_key_value_heads") is not None:
        kv_heads = _positive(config, "num_key_value_heads")
    head_dim = _HEAD_DIMS.get(kind, hidden // heads)
    if config.get("head_dim") is not None:
        head_dim = _positive(config, "head_dim")
    if heads % kv_heads or head_dim % 2 or head_dim > _MOST_HEAD_DIM:
        raise ValueError(f"{heads} heads over {kv_heads} key-value heads of size {head_dim}")
    name = str(config.get("dtype") or config.get("torch_dtype") or "float32")
    if name not in _DTYPES:
        raise ValueError(f"dtype {name!r} is not one of {', '.join(_DTYPES)}")
    rope, theta = _rope(config, head_dim)
    norm_eps = config.get("rms_norm_eps", 1e-6)
    if not isinstance(norm_eps, (int, float)) or not 0 <= norm_eps < 1:
        raise ValueError(f"rms_norm_eps is {str(norm_eps)[:40]!r}")
    attention_bias = _switch(config, "attention_bias") and kind != "qwen2"
    own = _ARCHITECTURES[kind]
    return Shape(
        architecture=kind,
        vocab=_positive(config, "vocab_size"),
        hidden=hidden,
        inner=_positive(config, "intermediate_size"),
        layers=_positive(config, "num_hidden_layers"),
        heads=heads,
        kv_heads=kv_heads,
        head_dim=head_dim,
        context=_positive(config, "max_position_embeddings"),
        norm_eps=norm_eps,
        tied=_switch(config, "tie_word_embeddings"),
        qk_norm=own.get("qk_norm", False),
        qkv_bias=own.get("qkv_bias", attention_bias),
        out_bias=attention_bias,
        mlp_bias=_switch(config, "mlp_bias") and kind == "llama",
        rope=rope,
        theta=theta,
        dtype=_DTYPES[name],
    )


def _positive(config: Mapping[str, Any], name: str) -> int:
    value = config[name]
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= _MOST:
        raise ValueError(f"{name} is {str(value)[:40]!r}, not a whole number from 1 to {_MOST:,}")
    return value


def _switch(config: Mapping[str, Any], name: str) -> bool:
    value = config.get(name)
    if value is not None and not isinstance(value, bool):
        raise ValueError(f"{name} is {str(value)[:40]!r}, not true or false")
    return bool(value)


def _rope(config: Mapping[str, Any], head_dim: int) -> tuple[Rope, float]:
    """And theta. Both spellings: `rope_parameters` of today, `rope_theta` with `rope_scaling` of older checkpoints."""
    told: dict[str, Any] = {}
    for name in ("rope_scaling", "rope_parameters"):
        said = config.get(name) or {}
        if not isinstance(said, Mapping):
            raise ValueError(f"{name} is not an object")
        told |= said
    for name in ("rope_theta", "partial_rotary_factor", "original_max_position_embeddings"):
        if name not in told and config.get(name) is not None:
            told[name] = config[name]
    rope = rope_of(told, size=head_dim, context=_positive(config, "max_position_embeddings"))
    return rope, float(told.get("rope_theta") or 10000.0)
