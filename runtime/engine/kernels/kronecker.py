"""Kronecker products of many adapters on a GPU: y += (W1 kron W2) x, with the factors of each row's own adapter.

The factors lie in one flat pool; a table on the device says for each product of an adapter where they begin, their sizes,
and from which column of y on it is added. A captured graph therefore stays right when adapters come and go. With x as a
grid [n1, n2], the first kernel makes x W2^T, the second W1 of that, summing over the products of an adapter in one
program, so nothing is added twice at once. The plain twin is `plain.add_kronecker`.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

# What the table says of a product: where W1 [m1, n1] and W2 [m2, n2] begin, their sizes, the first column of y.
FIELDS = 7
TOGETHER = 64  # places of a result that a program makes
ALONG = 32  # numbers of a sum that it looks at together


@triton.jit
def _right(
    x, factors, owners, table, counts, middle, most, x_row, middle_row,
    FIELDS: tl.constexpr, TOGETHER: tl.constexpr, ALONG: tl.constexpr,
):  # fmt: skip
    row, entry, tile = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    owner = tl.load(owners + row)
    if entry < tl.load(counts + owner):
        at = table + (owner * most + entry) * FIELDS
        n1, m2, n2 = tl.load(at + 3).to(tl.int32), tl.load(at + 4).to(tl.int32), tl.load(at + 5).to(tl.int32)
        if tile * TOGETHER < n1 * m2:
            right = factors + tl.load(at + 1)
            place = tile * TOGETHER + tl.arange(0, TOGETHER)
            there = place < n1 * m2
            sums = tl.zeros([TOGETHER], tl.float32)
            for start in range(0, n2, ALONG):
                column = start + tl.arange(0, ALONG)
                inside = there[:, None] & (column[None, :] < n2)
                some = tl.load(x + row * x_row + (place // m2 * n2)[:, None] + column[None, :], inside, other=0.0)
                weights = tl.load(right + (place % m2 * n2)[:, None] + column[None, :], inside, other=0.0)
                sums += tl.sum(some.to(tl.float32) * weights.to(tl.float32), 1)
            tl.store(middle + (row * most + entry) * middle_row + place, sums, there)


@triton.jit
def _left(
    y, middle, factors, owners, table, counts, outputs, most, y_row, middle_row,
    FIELDS: tl.constexpr, TOGETHER: tl.constexpr, ALONG: tl.constexpr,
):  # fmt: skip
    row, tile = tl.program_id(0), tl.program_id(1)
    owner = tl.load(owners + row)
    count = tl.load(counts + owner)
    if count > 0:
        column = tile * TOGETHER + tl.arange(0, TOGETHER)
        inside = column < outputs
        sums = tl.zeros([TOGETHER], tl.float32)
        for entry in range(0, count):
            at = table + (owner * most + entry) * FIELDS
            m1, n1, m2 = tl.load(at + 2).to(tl.int32), tl.load(at + 3).to(tl.int32), tl.load(at + 4).to(tl.int32)
            left = factors + tl.load(at)
            place = column - tl.load(at + 6).to(tl.int32)
            mine = inside & (place >= 0) & (place < m1 * m2)
            for start in range(0, n1, ALONG):
                along = start + tl.arange(0, ALONG)
                there = mine[:, None] & (along[None, :] < n1)
                weights = tl.load(left + (place // m2 * n1)[:, None] + along[None, :], there, other=0.0)
                some = tl.load(
                    middle + (row * most + entry) * middle_row + (along * m2)[None, :] + (place % m2)[:, None],
                    there, other=0.0,
                )  # fmt: skip
                sums += tl.sum(weights.to(tl.float32) * some, 1)
        here = y + row * y_row + column
        tl.store(here, (tl.load(here, inside, other=0.0).to(tl.float32) + sums).to(y.dtype.element_ty), inside)


def add_kronecker(
    y: Tensor, x: Tensor, factors: Tensor, owners: Tensor, table: Tensor, counts: Tensor, middle: int
) -> None:
    """y[row] += sum of (W1 kron W2) x[row] over the products of the row's own adapter.

    `factors`: flat; `owners` [rows], none negative; `table` [adapters, products, FIELDS] int64; `counts` [adapters];
    `middle`: the largest n1 * m2 that may come. The launch depends on it and on the sizes of these tensors alone.
    """
    rows, most = len(x), table.shape[1]
    if not rows or not most:
        return
    between = torch.empty(rows, most, middle, dtype=torch.float32, device=x.device)
    sizes = {"FIELDS": FIELDS, "TOGETHER": TOGETHER, "ALONG": ALONG}
    _right[(rows, most, triton.cdiv(middle, TOGETHER))](
        x, factors, owners, table, counts, between, most, x.stride(0), middle, **sizes
    )
    _left[(rows, triton.cdiv(y.shape[1], TOGETHER))](
        y, between, factors, owners, table, counts, y.shape[1], most, y.stride(0), middle, **sizes
    )
