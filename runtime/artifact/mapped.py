"""Tensors over the bytes of a file: no copy on the way in, no surprise on the way out.

The views share memory with the buffer and keep it alive; a package is mapped privately, so that writing into a tensor
by accident can not reach the file. What the tensors mean is said by `slots` and `canary`.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from runtime.artifact.refusals import BadTensors
from runtime.artifact.tensors import Buffer, Entry

TORCH = {
    "BF16": torch.bfloat16,
    "F16": torch.float16,
    "F32": torch.float32,
    "I32": torch.int32,
    "I8": torch.int8,
    "U8": torch.uint8,
}
NAMES = {dtype: name for name, dtype in TORCH.items()}


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
    tensors = {}
    for name, entry in entries.items():
        if entry.dtype not in TORCH:
            raise BadTensors(f"{what}: {name} has the dtype {entry.dtype}, which has no place here.")
        count = (entry.end - entry.begin) // TORCH[entry.dtype].itemsize
        flat = (
            torch.frombuffer(buffer, dtype=TORCH[entry.dtype], count=count, offset=entry.begin)
            if count
            else torch.empty(0, dtype=TORCH[entry.dtype])
        )
        tensors[name] = flat.view(entry.shape)
    return tensors


def check_finite(
    buffer: Buffer,
    entries: Mapping[str, Entry],
    tensors: Mapping[str, Tensor],
    what: str,
) -> None:
    """No NaN and no infinity. Looks at all tensors of one dtype at once where they lie together: one pass, no copy."""
    for dtype in ("BF16", "F16", "F32"):
        same = [entry for entry in entries.values() if entry.dtype == dtype and entry.end > entry.begin]
        if not same:
            continue
        begin, end = min(e.begin for e in same), max(e.end for e in same)
        if end - begin == sum(e.end - e.begin for e in same):
            item = TORCH[dtype].itemsize
            flat = torch.frombuffer(buffer, dtype=TORCH[dtype], count=(end - begin) // item, offset=begin)
            if _finite(flat):
                continue
        for entry in same:
            if not _finite(tensors[entry.name]):
                raise BadTensors(f"{what}: {entry.name} has values that are not finite.")


def _finite(tensor: Tensor) -> bool:
    low, high = torch.aminmax(tensor)  # NaN spreads to both; 30 times faster than isfinite on bf16
    return bool(torch.isfinite(low)) and bool(torch.isfinite(high))


def packed(name: str, tensor: Tensor) -> tuple[str, str, tuple[int, ...], bytes]:
    flat = tensor.contiguous().reshape(-1).view(torch.uint8)
    return name, NAMES[tensor.dtype], tuple(tensor.shape), flat.numpy().tobytes()
