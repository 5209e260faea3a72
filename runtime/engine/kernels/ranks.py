"""Rank rows of many adapters on a GPU: each row of the batch meets the rank rows of its own adapter, and no others.

All rank rows of a matrix lie in one pool, an adapter's in tiles that lie anywhere; where each tile begins and how many
rank rows an adapter has stands in two small tensors on the device. A captured graph therefore stays right when adapters
come and go. `shrink` is A x, `expand` adds B of that. Nothing is padded to the largest rank: a program whose rank rows do
not exist ends at once. The plain twin is `plain.add_ranks`.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from runtime.engine.adapters import TILE


@triton.jit
def _shrink(
    x, a, owners, places, counts, inner, inputs, tiles, x_row, a_row, inner_row,
    RANKS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    row, tile = tl.program_id(0), tl.program_id(1)
    owner = tl.load(owners + row)
    if owner >= 0:
        count = tl.load(counts + owner)
        rank = tile * RANKS + tl.arange(0, RANKS)
        if tile * RANKS < count:
            first = tl.load(places + owner * tiles + tile).to(tl.int64)
            column = tl.arange(0, COLUMNS)
            sums = tl.zeros([RANKS], tl.float32)
            for at in range(0, inputs, COLUMNS):
                inside = at + column < inputs
                some = tl.load(x + row * x_row + at + column, inside, other=0.0).to(tl.float32)
                rows = a + (first + rank[:, None] - tile * RANKS) * a_row + at + column[None, :]
                weights = tl.load(rows, (rank[:, None] < count) & inside[None, :], other=0.0).to(tl.float32)
                sums += tl.sum(weights * some[None, :], 1)
            tl.store(inner + row * inner_row + rank, sums, rank < count)


@triton.jit
def _expand(
    inner, b, owners, places, counts, y, outputs, tiles, inner_row, b_row, y_row,
    RANKS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    row, tile = tl.program_id(0), tl.program_id(1)
    owner = tl.load(owners + row)
    if owner >= 0:
        count = tl.load(counts + owner)
        if count > 0:
            column = tile * COLUMNS + tl.arange(0, COLUMNS)
            inside = column < outputs
            sums = tl.zeros([COLUMNS], tl.float32)
            for at in range(0, count, RANKS):
                first = tl.load(places + owner * tiles + at // RANKS).to(tl.int64)
                rank = tl.arange(0, RANKS)
                there = at + rank < count
                some = tl.load(inner + row * inner_row + at + rank, there, other=0.0)
                weights = tl.load(
                    b + (first + rank[:, None]) * b_row + column[None, :], there[:, None] & inside[None, :], other=0.0
                ).to(tl.float32)
                sums += tl.sum(weights * some[:, None], 0)
            here = y + row * y_row + column
            tl.store(here, (tl.load(here, inside, other=0.0).to(tl.float32) + sums).to(y.dtype.element_ty), inside)


def add_ranks(y: Tensor, x: Tensor, a: Tensor, b: Tensor, owners: Tensor, places: Tensor, counts: Tensor) -> None:
    """y[row] += B A x[row], with the rank rows of the row's own adapter.

    `a` [rank rows, inputs], `b` [rank rows, outputs]; `owners` [rows], -1 for none; `places` [adapters, tiles]: the first
    rank row of each tile; `counts` [adapters]. The launch depends on the sizes of these tensors alone.
    """
    rows, tiles = len(x), places.shape[1]
    if not rows or not tiles:
        return
    inner = torch.empty(rows, tiles * TILE, dtype=torch.float32, device=x.device)
    columns = min(512, triton.next_power_of_2(x.shape[1]))
    _shrink[(rows, tiles)](
        x, a, owners, places, counts, inner, x.shape[1], tiles, x.stride(0), a.stride(0), inner.stride(0),
        RANKS=TILE, COLUMNS=columns,
    )  # fmt: skip
    columns = min(256, triton.next_power_of_2(y.shape[1]))
    _expand[(rows, triton.cdiv(y.shape[1], columns))](
        inner, b, owners, places, counts, y, y.shape[1], tiles, inner.stride(0), b.stride(0), y.stride(0),
        RANKS=TILE, COLUMNS=columns,
    )  # fmt: skip
