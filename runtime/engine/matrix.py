"""How one weight matrix is held in memory and multiplied. Quantised matrices will be further classes here.

A CPU takes oneDNN's own layout: on an AMD Zen 5 core it multiplied float32 2.2 to 2.4 times as fast as MKL behind
`linear` from 8 rows up (1536 x 256: 32 rows 124 against 270 us, 512 rows 1.6 against 3.9 ms); with one row it is some
microseconds slower. The layout replaces the plain one, so that a base is held once.
"""

from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional


class Matrix(Protocol):
    """x W^T, with a bias or without."""

    outputs: int
    inputs: int

    def __call__(self, x: Tensor, bias: Tensor | None = None) -> Tensor: ...


class Plain:
    """As torch keeps it; the only way on a GPU."""

    def __init__(self, weight: Tensor) -> None:
        self.outputs, self.inputs = weight.shape
        self.weight = weight.contiguous()

    def __call__(self, x: Tensor, bias: Tensor | None = None) -> Tensor:
        return functional.linear(x, self.weight, bias)


class Packed:
    """In oneDNN's layout, on a CPU."""

    def __init__(self, weight: Tensor) -> None:
        self.outputs, self.inputs = weight.shape
        self._weight = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous())
        self._multiply = torch.ops.mkldnn._linear_pointwise.default

    def __call__(self, x: Tensor, bias: Tensor | None = None) -> Tensor:
        product: Tensor = self._multiply(x, self._weight, bias, "none", [], "")
        return product


def hold(weight: Tensor) -> Matrix:
    """The fastest way this machine has to hold a matrix."""
    if weight.device.type == "cpu" and torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        try:
            packed = Packed(weight)
            packed(weight.new_zeros(1, packed.inputs))
            return packed
        except (AttributeError, RuntimeError):
            pass  # torch has renamed these operators before, and not every CPU has every dtype
    return Plain(weight)
