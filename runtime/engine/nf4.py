"""Weights that bitsandbytes stored in 4 bits (NF4 or FP4), made whole again through its own code.

A base that was saved so has, beside each such tensor, the scales of its blocks and a short JSON document. How the
matrix is held afterwards is the setting `weights`; other ways of storing fewer bits are refused by `shape`.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from torch import Tensor

from runtime.engine.errors import BaseRefused, BaseUnavailable

_PARTS = ("absmax", "quant_map", "nested_absmax", "nested_quant_map")
_STATES = ("quant_state.bitsandbytes__nf4", "quant_state.bitsandbytes__fp4")


def understood(config: Any) -> bool:
    """Whether a `quantization_config` says what is read here."""
    return (
        isinstance(config, Mapping)
        and config.get("quant_method") == "bitsandbytes"
        and bool(config.get("load_in_4bit"))
    )


def parts_of(name: str, names: Iterable[str]) -> list[str]:
    """The names of the tensors that belong to a 4-bit tensor; none if it is an ordinary one."""
    there = set(names) if not isinstance(names, Mapping) else names
    states = [f"{name}.{state}" for state in _STATES if f"{name}.{state}" in there]
    return [*states, *(f"{name}.{part}" for part in _PARTS if f"{name}.{part}" in there)] if states else []


def make_whole(name: str, packed: Tensor, parts: Mapping[str, Tensor]) -> Tensor:
    """The tensor as it was before bitsandbytes packed it, on the CPU."""
    try:
        from bitsandbytes.functional import QuantState, dequantize_4bit
    except ImportError as error:
        raise BaseUnavailable(
            "this base is stored in 4 bits by bitsandbytes, which is not installed.", hint="pip install bitsandbytes"
        ) from error
    try:
        state = QuantState.from_dict(dict(parts), device=packed.device)
        whole: Tensor = dequantize_4bit(packed, state)
    except Exception as error:  # its reader trusts what it reads, and raises whatever comes of it
        raise BaseRefused(f"tensor {name} is not what bitsandbytes stores ({type(error).__name__}).") from error
    return whole
