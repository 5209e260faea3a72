"""How a matrix of a slot record lies in its file when it is not stored whole: as int8 in groups, or without its zeros.

    PART.int8    I8  [rows, columns]      number = int8 * scale of its group
    PART.mask    U8  [rows, columns / 8]  bit i of byte j: column 8 j + i is kept
    PART.kept    BF16 or I8  [n]          the kept numbers, row by row; as many as the mask has bits
    PART.scales  BF16  [groups]           for I8: one for each 64 numbers that follow each other, row by row

B is packed transposed, [rank, out], so that numbers of one rank share a scale. Scales are positive, and -128 is never
used, so one matrix has one spelling. A mask can not name a place twice, out of order or outside the matrix; what can
be wrong with the rest is refused here by name. Unpacked, a matrix is an ordinary one: nobody above this floor knows
how it was stored. Which numbers are worth keeping, the compiler decides.
"""

from collections.abc import Mapping
from math import prod

import torch
from torch import Tensor
from torch.nn import functional

from runtime.artifact.refusals import BadTensors

GROUP = 64  # numbers that share a scale: 2 bytes in 66
MOST_NUMBERS = 2**28  # of one record, unpacked: 1 GiB in float32, a rank of 100 on every layer of a 7B base
TRANSPOSED = frozenset({"B"})
_EXTREME = 127
_BITS = torch.tensor([1 << bit for bit in range(8)], dtype=torch.uint8)

# What a packed part consists of: the rank and the dtypes of each tensor.
SUFFIXES: dict[str, tuple[int, tuple[str, ...]]] = {
    "int8": (2, ("I8",)),
    "mask": (2, ("U8",)),
    "kept": (1, ("BF16", "I8")),
    "scales": (1, ("BF16",)),
}
_FORMS = (
    frozenset({"int8", "scales"}),
    frozenset({"mask", "kept"}),
    frozenset({"mask", "kept", "scales"}),
)


def pack(part: str, matrix: Tensor, *, int8: bool, sparse: bool) -> dict[str, Tensor]:
    """The tensors of a matrix by suffix; `sparse` leaves out its zeros where that is shorter and its width allows it."""
    laid = (matrix.t() if part in TRANSPOSED else matrix).float().contiguous()
    mask = laid != 0
    # Below this share of kept numbers the mask, one bit a number, pays for itself.
    if sparse and laid.shape[1] % 8 == 0 and mask.float().mean() < 1 - 1 / (8 if int8 else 16):
        kept = laid[mask]
        found = {"mask": (mask.view(len(laid), -1, 8) * _BITS).sum(-1, dtype=torch.uint8)}
        return found | (_rounded("kept", kept) if int8 else {"kept": kept.to(torch.bfloat16)})
    if int8:
        return _rounded("int8", laid)
    return {"": matrix.to(torch.bfloat16)}


def unpack(part: str, tensors: Mapping[str, Tensor], name: str) -> Tensor:
    """The matrix of a packed part, `tensors` by suffix; `name` is what refusals call it. Dtypes and ranks are checked."""
    if frozenset(tensors) not in _FORMS:
        raise BadTensors(f"{name} is stored as {', '.join(sorted(tensors))}, which is no way to store it.")
    laid = _sparse(tensors, name) if "mask" in tensors else _numbers(tensors["int8"], tensors["scales"], name)
    return laid.t() if part in TRANSPOSED else laid


def unpacked_size(tensors: Mapping[str, Tensor]) -> int:
    """How many numbers a packed part has when it is unpacked, by its shapes alone."""
    if "mask" in tensors:
        return 8 * prod(tensors["mask"].shape)
    return prod(tensors["int8"].shape) if "int8" in tensors else 0


def _sparse(tensors: Mapping[str, Tensor], name: str) -> Tensor:
    packed, kept = tensors["mask"], tensors["kept"]
    mask = (packed[:, :, None] & _BITS).bool().flatten(1)
    count = int(mask.sum())
    if len(kept) != count:
        raise BadTensors(f"{name} keeps {len(kept)} numbers where its mask has {count}.")
    if (kept.dtype == torch.int8) != ("scales" in tensors):
        raise BadTensors(f"{name} must have scales if, and only if, its numbers are int8.")
    numbers = _numbers(kept, tensors["scales"], name) if "scales" in tensors else kept
    return torch.zeros(mask.shape, dtype=numbers.dtype).masked_scatter_(mask, numbers)


def _rounded(suffix: str, numbers: Tensor) -> dict[str, Tensor]:
    flat = numbers.flatten()
    groups = functional.pad(flat, (0, -len(flat) % GROUP)).view(-1, GROUP)
    scales = (groups.abs().amax(dim=1) / _EXTREME).to(torch.bfloat16)
    scales[scales == 0] = 1.0
    whole = (groups / scales.float()[:, None]).round().clamp(-_EXTREME, _EXTREME).to(torch.int8)
    return {suffix: whole.flatten()[: len(flat)].view(numbers.shape), "scales": scales}


def _numbers(whole: Tensor, scales: Tensor, name: str) -> Tensor:
    """int8 times its scale, in float32."""
    count = whole.numel()
    if len(scales) != -(-count // GROUP):
        raise BadTensors(f"{name} has {len(scales)} scales for {count:,} numbers; each {GROUP} share one.")
    if not count:
        return whole.float()
    if not bool((scales > 0).all()):  # NaN too
        raise BadTensors(f"{name} has a scale that is not above zero.")
    if int(whole.min()) < -_EXTREME:
        raise BadTensors(f"{name} holds -128, which is not used.")
    flat = whole.flatten().float()
    full = count - count % GROUP
    steps = scales.float()
    flat[:full].view(-1, GROUP).mul_(steps[: full // GROUP, None])
    flat[full:].mul_(steps[-1])
    if not bool(torch.isfinite(steps * _EXTREME).all()):
        raise BadTensors(f"{name} has a scale so large that its numbers are not finite.")
    return flat.view(whole.shape)
