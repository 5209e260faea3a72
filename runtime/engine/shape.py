"""What config.json says about a model, as one frozen value; what this engine cannot run is refused by name here."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from runtime.engine import nf4
from runtime.engine.base import read_json
from runtime.engine.errors import BaseRefused


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
    rope: "Rope"
    dtype: torch.dtype

    @classmethod
    def read(cls, directory: Path) -> "Shape":
        """The shape of a base directory."""
        config = read_json(directory / "config.json")
        try:
            return _shape(config)
        except (KeyError, TypeError, ValueError) as error:
            reason = f"has no {error}" if isinstance(error, KeyError) else str(error)
            raise BaseRefused(f"{reason}.", where=str(directory / "config.json")) from error


@dataclass(frozen=True)
class Rope:
    """Rotary position embedding: one inverse frequency per pair of dimensions, and a scale for cosine and sine."""

    kind: str
    frequencies: tuple[float, ...]
    scale: float = 1.0


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


def _shape(config: Mapping[str, Any]) -> Shape:
    kind = config.get("model_type")
    if kind not in _ARCHITECTURES:
        known = ", ".join(_ARCHITECTURES)
        raise ValueError(f"model_type {kind!r} is not one this engine runs ({known})")
    if config.get("hidden_act", "silu") != "silu":
        raise ValueError(f"hidden_act {config['hidden_act']!r} is not supported, only silu")
    stored = config.get("quantization_config")
    if stored and not nf4.understood(stored):
        raise ValueError("quantization_config is set; this engine reads plain weights, and bitsandbytes' 4 bits")
    layer_types = set(config.get("layer_types") or ()) - {"full_attention"}
    if config.get("use_sliding_window") or layer_types:
        raise ValueError("sliding-window attention is not supported")
    heads = _positive(config, "num_attention_heads")
    hidden = _positive(config, "hidden_size")
    kv_heads = heads
    if config.get("num_key_value_heads") is not None:
        kv_heads = _positive(config, "num_key_value_heads")
    head_dim = hidden // heads
    if config.get("head_dim") is not None:
        head_dim = _positive(config, "head_dim")
    if heads % kv_heads or head_dim % 2:
        raise ValueError(f"{heads} heads over {kv_heads} key-value heads of size {head_dim}")
    name = str(config.get("dtype") or config.get("torch_dtype") or "float32")
    if name not in _DTYPES:
        raise ValueError(f"dtype {name!r} is not one of {', '.join(_DTYPES)}")
    attention_bias = bool(config.get("attention_bias", False)) and kind != "qwen2"
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
        norm_eps=float(config.get("rms_norm_eps", 1e-6)),
        tied=bool(config.get("tie_word_embeddings", False)),
        qk_norm=own.get("qk_norm", False),
        qkv_bias=own.get("qkv_bias", attention_bias),
        out_bias=attention_bias,
        mlp_bias=bool(config.get("mlp_bias", False)) and kind == "llama",
        rope=_rope(config, head_dim),
        dtype=_DTYPES[name],
    )


def _positive(config: Mapping[str, Any], name: str) -> int:
    value = config[name]
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{name} is {value!r}, not a positive whole number")
    return value


def _rope(config: Mapping[str, Any], head_dim: int) -> Rope:
    """Both spellings: `rope_parameters` of today, `rope_theta` with `rope_scaling` of older checkpoints."""
    told = dict(config.get("rope_scaling") or {}) | dict(config.get("rope_parameters") or {})
    kind = str(told.get("rope_type") or told.get("type") or "default")
    if kind not in _SCALINGS:
        known = ", ".join(_SCALINGS)
        raise ValueError(f"rope type {kind!r} is not one this engine knows ({known})")
    if float(told.get("partial_rotary_factor", config.get("partial_rotary_factor", 1.0))) != 1.0:
        raise ValueError("partial_rotary_factor other than 1 is not supported")
    theta = float(told.get("rope_theta", config.get("rope_theta", 10000.0)))
    if not theta > 0:
        raise ValueError(f"rope_theta is {theta}")
    exponents = torch.arange(0, head_dim, 2, dtype=torch.float) / head_dim
    frequencies = _SCALINGS[kind](1.0 / (theta**exponents), told)
    return Rope(kind, tuple(frequencies.tolist()))


def _default(frequencies: torch.Tensor, told: Mapping[str, Any]) -> torch.Tensor:
    return frequencies


def _linear(frequencies: torch.Tensor, told: Mapping[str, Any]) -> torch.Tensor:
    return frequencies / float(told["factor"])


def _llama3(frequencies: torch.Tensor, told: Mapping[str, Any]) -> torch.Tensor:
    """Llama 3.1: short wavelengths stay, long ones are stretched, those between are blended."""
    factor, low = float(told["factor"]), float(told["low_freq_factor"])
    high, before = (
        float(told["high_freq_factor"]),
        float(told["original_max_position_embeddings"]),
    )
    turns = before * frequencies / (2 * math.pi)
    blend = ((turns - low) / (high - low)).clamp(0.0, 1.0)
    return (1 - blend) * frequencies / factor + blend * frequencies


_SCALINGS: dict[str, Callable[[torch.Tensor, Mapping[str, Any]], torch.Tensor]] = {
    "default": _default,
    "linear": _linear,
    "llama3": _llama3,
}
