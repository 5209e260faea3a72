"""OSD, Optimal Singular Damage (arXiv 2511.02681): more rank than the bytes allow, then only the entries that matter.

The update B A of each layer is decomposed into singular values, at a higher rank than would fit whole, and of the
factors U sqrt(S) and sqrt(S) V only a share of the entries is kept. An entry's importance is the energy the output
loses without it: its square times its singular value. With the mean squares of the layer's inputs, measured on
calibration prompts, the decomposition is that of the update as these inputs see it, so that inputs which are always
small do not buy bytes. Gains, Kronecker products and sparse parts pass unchanged. How zeros are stored is
`runtime.artifact.packing`'s.

Fitting what is kept to the whole update by least squares was tried: on nano it lowered the error of the layers from
2.18 % to 2.13 % of their energy at a density of a half, which is not worth its lines.
"""

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from runtime.artifact.slots import Slot, SlotRecord

_FLOOR = 1e-2  # of the mean input: below it an input counts as this small, so that dividing by it stays sound


def damage(record: SlotRecord, energies: Mapping[str, Tensor], *, rank: int | None, density: float) -> SlotRecord:
    """The record with sparse factors. `energies`: for each module the mean square of each input; ones where missing."""
    slots = {
        module: _damaged(slot, energies.get(module), rank, density) if slot.a is not None else slot
        for module, slot in record.slots.items()
    }
    return SlotRecord(record.kind, slots)


def _damaged(slot: Slot, energy: Tensor | None, rank: int | None, density: float) -> Slot:
    assert slot.a is not None and slot.b is not None
    weights = torch.ones(slot.a.shape[1]) if energy is None else energy.float().sqrt()
    weights = (
        weights.clamp_min(_FLOOR * float(weights.mean())) if float(weights.max()) > 0 else torch.ones_like(weights)
    )
    exact_b, exact_a = slot.b.float(), slot.a.float() * weights
    b, a, values = _singular(exact_b, exact_a, rank)
    kept_b, kept_a = _kept(b.square() * values, a.square() * values[:, None], density)
    return replace(slot, a=a * kept_a / weights, b=b * kept_b)


def _singular(b: Tensor, a: Tensor, rank: int | None) -> tuple[Tensor, Tensor, Tensor]:
    """U sqrt(S), sqrt(S) V and S of the product b a, which is never computed."""
    left, left_upper = torch.linalg.qr(b)
    right, right_upper = torch.linalg.qr(a.t())
    u, values, v = torch.linalg.svd(left_upper @ right_upper.t())
    size = min(rank or len(values), len(values))
    root = values[:size].sqrt()
    return left @ u[:, :size] * root, (right @ v[:size].t() * root).t(), values[:size]


def _kept(b: Tensor, a: Tensor, density: float) -> tuple[Tensor, Tensor]:
    """The most important entries of both factors together: a share `density` of all, and at least one of each factor."""
    pooled = torch.cat((b.flatten(), a.flatten()))
    count = max(1, round(density * len(pooled)))
    least = pooled.topk(count).values[-1]
    return (b >= min(least, b.max())) & (b > 0), (a >= min(least, a.max())) & (a > 0)
