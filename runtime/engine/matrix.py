"""How one weight matrix is held in memory and multiplied: `hold` makes the fastest form this machine has.

A CPU takes oneDNN's own layout: on an AMD Zen 5 core it multiplied float32 2.2 to 2.4 times as fast as MKL behind
`linear` from 8 rows up (1536 x 256: 32 rows 124 against 270 us, 512 rows 1.6 against 3.9 ms); with one row it is some
microseconds slower. The layout replaces the plain one, so that a base is held once. Float16, int8 and int4 are `quantised`'s.
"""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from runtime.engine.quantised import Float16, Int4, Int4Twin, Int8, Int8Few, Int8Twin


class Matrix(Protocol):
    """x W^T, with a bias or without."""

    outputs: int
    inputs: int

    @property
    def nbytes(self) -> int: ...

    def __call__(self, x: Tensor, bias: Tensor | None = None) -> Tensor: ...


class Plain:
    """As torch keeps it; the only way on a GPU."""

    def __init__(self, weight: Tensor) -> None:
        self.outputs, self.inputs = weight.shape
        self.weight = weight.contiguous()
        self.nbytes = self.weight.nbytes

    def __call__(self, x: Tensor, bias: Tensor | None = None) -> Tensor:
        return functional.linear(x, self.weight, bias)


class Packed:
    """In oneDNN's layout, on a CPU."""

    def __init__(self, weight: Tensor) -> None:
        self.outputs, self.inputs = weight.shape
        self.nbytes = weight.nbytes
        self._weight = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous())
        self._multiply = torch.ops.mkldnn._linear_pointwise.default

    def __call__(self, x: Tensor, bias: Tensor | None = None) -> Tensor:
        product: Tensor = self._multiply(x, self._weight, bias, "none", [], "")
        return product


class Half:
    """In bfloat16, whatever is computed in elsewhere: half the bytes to read per token, and x rounded on its way in."""

    def __init__(self, weight: Tensor) -> None:
        self.outputs, self.inputs = weight.shape
        self._matrix = _whole(weight.to(torch.bfloat16))
        self.nbytes = self._matrix.nbytes

    def __call__(self, x: Tensor, bias: Tensor | None = None) -> Tensor:
        product = self._matrix(x.to(torch.bfloat16)).to(x.dtype)
        return product if bias is None else product.add_(bias)


def hold(weight: Tensor, weights: str = "auto") -> Matrix:
    """One matrix, held as `weights` says: a key of HOLDINGS."""
    return HOLDINGS[weights](weight)


def _whole(weight: Tensor) -> Matrix:
    if weight.device.type == "cpu" and torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        try:
            packed = Packed(weight)
            packed(weight.new_zeros(1, packed.inputs))
            return packed
        except (AttributeError, RuntimeError):
            pass  # torch has renamed these operators before, and not every CPU has every dtype
    return Plain(weight)


def _float16(weight: Tensor) -> Matrix:
    return Float16(weight) if Float16.works(weight) else Half(weight)


def _int8(weight: Tensor) -> Matrix:
    for form in (Int8Few, Int8):
        if form.works(weight.device):
            return form(weight)
    return Int8Twin(weight)


def _int4(weight: Tensor) -> Matrix:
    if not Int4Twin.fits(weight):
        return _int8(weight)  # its rows do not divide into groups
    return Int4(weight) if Int4.works(weight) else Int4Twin(weight)


# How the matrices of a base are held: the setting `weights`. auto: in the dtype that is computed in.
HOLDINGS: dict[str, Callable[[Tensor], Matrix]] = {
    "auto": _whole,
    "bf16": Half,
    "fp16": _float16,
    "int8": _int8,
    "int4": _int4,
}
# The head decides between tokens directly and is read once per token: in int4 it costs more right answers than memory.
HEADS = {"int4": "int8"}
