"""Tensors over the bytes of a file: no copy on the way in, no surprise on the way out.

The views share memory with the buffer and keep it alive; a package is mapped privately, so that writing into a tensor
by accident can not reach the file. What the tensors mean is said by `slots` and `canary`.
"""

from collections.abc import Mapping
from math import prod

import numpy as np
import torch
from torch import Tensor

from runtime.artifact.refusals import BadTensors
from runtime.artifact.tensors import SIZES, Buffer, Entry

TORCH = {
    "BF16": torch.bfloat16,
    "F16": torch.float16,
    "F32": torch.float32,
    "I32": torch.int32,
    "I8": torch.int8,
    "U8": torch.uint8,
}
NAMES = {dtype: name for name, dtype in TORCH.items()}
_EMPTY = {name: torch.empty(0, dtype=dtype) for name, dtype in TORCH.items()}
# How the numbers of a dtype look as integers: signed, unsigned, the bits of the exponent, the bit of the sign.
_EXPONENTS = {
    "BF16": ("<i2", "<u2", 0x7F80, 0x8000),
    "F16": ("<i2", "<u2", 0x7C00, 0x8000),
    "F32": ("<i4", "<u4", 0x7F80_0000, 0x8000_0000),
}
_STRETCH = 1 << 17  # numbers looked at twice while they are in the processor's cache


def writable(buffer: Buffer) -> bytearray | memoryview:
    """The buffer itself where tensors may lie on it; a copy of read-only bytes, which torch must not be given."""
    if isinstance(buffer, bytearray):
        return buffer
    view = memoryview(buffer)
    return bytearray(view) if view.readonly else view


def expect_format(metadata: Mapping[str, str], known: str, what: str) -> None:
    found = metadata.get("format", "")
    if found != known:
        raise BadTensors(f"{what} says it is {found[:40]!r}; this program reads {known!r}.")


def views(buffer: Buffer, entries: Mapping[str, Entry], what: str) -> dict[str, Tensor]:
    """Tensors over the buffer itself: nothing is copied."""
    begins: dict[str, int] = {}
    ends: dict[str, int] = {}
    for name, entry in entries.items():
        if entry.dtype not in TORCH:
            raise BadTensors(f"{what}: {name} has the dtype {entry.dtype}, which has no place here.")
        begins[entry.dtype] = min(begins.get(entry.dtype, entry.begin), entry.begin)
        ends[entry.dtype] = max(ends.get(entry.dtype, entry.end), entry.end)
    flats = {dtype: _flat(buffer, dtype, begins[dtype], ends[dtype]) for dtype in begins}
    return {
        # One call for each: 0.5 ms for 588 tensors, against 2 ms when each asks for its own piece of the buffer.
        name: flats[entry.dtype].as_strided(
            entry.shape, _strides(entry.shape), (entry.begin - begins[entry.dtype]) // SIZES[entry.dtype]
        )
        for name, entry in entries.items()
    }


def _flat(buffer: Buffer, dtype: str, begin: int, end: int) -> Tensor:
    """Everything between two places as numbers of one kind; places are multiples of its size."""
    count = (end - begin) // SIZES[dtype]
    return torch.frombuffer(buffer, dtype=TORCH[dtype], count=count, offset=begin) if count else _EMPTY[dtype]


def _strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    if len(shape) == 2:
        return shape[1], 1
    return tuple(prod(shape[place + 1 :]) for place in range(len(shape)))


def check_finite(buffer: Buffer, entries: Mapping[str, Entry], what: str) -> None:
    """No NaN and no infinity. Looks at all tensors of one dtype at once where they lie together: one pass, no copy."""
    for dtype in _EXPONENTS:
        same = [entry for entry in entries.values() if entry.dtype == dtype and entry.end > entry.begin]
        if not same:
            continue
        begin, end = min(e.begin for e in same), max(e.end for e in same)
        if end - begin == sum(e.end - e.begin for e in same) and _finite(buffer, dtype, begin, end):
            continue
        for entry in same:
            if not _finite(buffer, dtype, entry.begin, entry.end):
                raise BadTensors(f"{what}: {entry.name} has values that are not finite.")


def _finite(buffer: Buffer, dtype: str, begin: int, end: int) -> bool:
    """Whether no number has an exponent of ones only, which infinities and NaN have and nothing else.

    Looked at as integers: signed, the greatest of them shows it for positive numbers; unsigned, for negative ones. For
    16 MB of bf16 that takes 1.2 ms where comparing them as numbers takes 4.
    """
    signed, unsigned, exponent, sign = _EXPONENTS[dtype]
    whole = np.frombuffer(buffer, signed, count=(end - begin) // SIZES[dtype], offset=begin)
    for start in range(0, len(whole), _STRETCH):
        stretch = whole[start : start + _STRETCH]
        if stretch.max() >= exponent or stretch.view(unsigned).max() >= sign | exponent:
            return False
    return True


def packed(name: str, tensor: Tensor) -> tuple[str, str, tuple[int, ...], bytes]:
    flat = tensor.contiguous().reshape(-1).view(torch.uint8)
    return name, NAMES[tensor.dtype], tuple(tensor.shape), flat.numpy().tobytes()
