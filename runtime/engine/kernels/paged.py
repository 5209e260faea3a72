"""Attention of decoding rows on a GPU, straight from the pages: nothing is gathered, and no mask is built.

One program reads one stretch of one request's past for all query heads that share a key head, so keys and values are
read once. A long past is split over several programs, since a small batch would leave most of the chip idle; a second
kernel joins what they found. Lengths and block tables are read on the device: a captured graph stays right as they
change. The plain twin is `plain.attend`.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from runtime.engine.batch import Batch
from runtime.engine.pages import Pages

KEYS = 64  # places that a program looks at together
PLACES_PER_SPLIT = 256  # a stretch of the past that is worth a program of its own
MOST_SPLITS = 32


@triton.jit
def _look(
    queries, data, tables, lengths, found, scale,
    layer, splits, table_width,
    query_row, query_head, block_stride, layer_stride, part_stride, place_stride,
    HEADS: tl.constexpr, SHARE: tl.constexpr, SHARE_PADDED: tl.constexpr, SIZE: tl.constexpr,
    SIZE_PADDED: tl.constexpr, BLOCK: tl.constexpr, KEYS: tl.constexpr, WIDEN: tl.constexpr,
):  # fmt: skip
    row, head, split = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    length = tl.load(lengths + row)
    stretch = tl.cdiv(tl.cdiv(length, splits), KEYS) * KEYS
    first = split * stretch
    end = tl.minimum(first + stretch, length)
    shared = tl.arange(0, SHARE_PADDED)
    size = tl.arange(0, SIZE_PADDED)
    inside = (shared[:, None] < SHARE) & (size[None, :] < SIZE)
    query = tl.load(
        queries + row * query_row + (head * SHARE + shared[:, None]) * query_head + size[None, :], inside, other=0.0
    )
    if WIDEN:
        query = query.to(tl.float32)
    best = tl.full([SHARE_PADDED], float("-inf"), tl.float32)
    total = tl.zeros([SHARE_PADDED], tl.float32)
    sums = tl.zeros([SHARE_PADDED, SIZE_PADDED], tl.float32)
    base = data + layer * layer_stride + head * SIZE
    for start in range(first, end, KEYS):
        place = start + tl.arange(0, KEYS)
        there = place < end
        block = tl.load(tables + row * table_width + place // BLOCK, there, other=0).to(tl.int64)
        at = block * block_stride + (place % BLOCK) * place_stride
        valid = there[:, None] & (size[None, :] < SIZE)
        keys = tl.load(base + at[:, None] + size[None, :], valid, other=0.0)
        if WIDEN:
            keys = keys.to(tl.float32)
        scores = tl.dot(query, tl.trans(keys), input_precision="ieee") * scale
        scores = tl.where(there[None, :], scores, float("-inf"))
        top = tl.maximum(best, tl.max(scores, 1))
        weights = tl.exp(scores - top[:, None])
        shrunk = tl.exp(best - top)
        values = tl.load(base + part_stride + at[:, None] + size[None, :], valid, other=0.0)
        if WIDEN:
            values = values.to(tl.float32)
        sums = sums * shrunk[:, None] + tl.dot(weights.to(values.dtype), values, input_precision="ieee")
        total = total * shrunk + tl.sum(weights, 1)
        best = top
    # What one program found: the sums, then the largest score and the total, for each head.
    out = found + (((row * HEADS + head * SHARE + shared) * splits + split) * (SIZE + 2))
    tl.store(out[:, None] + size[None, :], sums, inside)
    tl.store(out + SIZE, best, shared < SHARE)
    tl.store(out + SIZE + 1, total, shared < SHARE)


@triton.jit
def _join(
    found, result, splits,
    HEADS: tl.constexpr, SIZE: tl.constexpr, SIZE_PADDED: tl.constexpr, SPLITS_PADDED: tl.constexpr,
):  # fmt: skip
    row, head = tl.program_id(0), tl.program_id(1)
    split = tl.arange(0, SPLITS_PADDED)
    size = tl.arange(0, SIZE_PADDED)
    at = found + ((row * HEADS + head) * splits + split) * (SIZE + 2)
    best = tl.load(at + SIZE, split < splits, other=float("-inf"))
    total = tl.load(at + SIZE + 1, split < splits, other=0.0)
    # A stretch beyond the end has seen nothing: its best is minus infinity, and it weighs zero.
    weight = tl.exp(best - tl.max(best, 0))
    sums = tl.load(at[:, None] + size[None, :], (split[:, None] < splits) & (size[None, :] < SIZE), other=0.0)
    joined = tl.sum(sums * weight[:, None], 0) / tl.sum(total * weight, 0)
    tl.store(result + (row * HEADS + head) * SIZE + size, joined.to(result.dtype.element_ty), size < SIZE)


def decode(queries: Tensor, data: Tensor, layer: int, tables: Tensor, lengths: Tensor, kv_heads: int) -> Tensor:
    """[rows, heads, size] queries against `data` [blocks, layers, 2, places, kv heads * size].

    `tables` [rows, blocks]; `lengths` [rows]: keys of each row, its own token's included.
    """
    rows, heads, size = queries.shape
    splits = split_count(tables.shape[1] * data.shape[3])
    result = torch.empty(rows, heads, size, dtype=queries.dtype, device=queries.device)
    found = torch.empty(rows, heads, splits, size + 2, dtype=torch.float32, device=queries.device)
    share = heads // kv_heads
    padded = triton.next_power_of_2(size)
    _look[(rows, kv_heads, splits)](
        queries, data, tables, lengths, found, size**-0.5,
        layer, splits, tables.stride(0),
        queries.stride(0), queries.stride(1), data.stride(0), data.stride(1), data.stride(2), data.stride(3),
        HEADS=heads, SHARE=share, SHARE_PADDED=max(16, triton.next_power_of_2(share)), SIZE=size,
        SIZE_PADDED=max(16, padded), BLOCK=data.shape[3], KEYS=KEYS,
        # Triton's interpreter (3.7) multiplies the bit patterns of bfloat16; a GPU does not.
        WIDEN=bool(triton.knobs.runtime.interpret) and queries.dtype == torch.bfloat16,
    )  # fmt: skip
    _join[(rows, heads)](
        found, result, splits,
        HEADS=heads, SIZE=size, SIZE_PADDED=padded, SPLITS_PADDED=triton.next_power_of_2(splits),
    )  # fmt: skip
    return result


def decode_batch(queries: Tensor, layer: int, batch: Batch, pages: Pages) -> Tensor:
    """The same for the decoding rows of a step."""
    return decode(queries, pages.data, layer, batch.tables, batch.lengths, pages.heads)


def split_count(places: int) -> int:
    """Of how many stretches a past of at most this many places is made; fixed for a captured graph."""
    return min(MOST_SPLITS, max(1, -(-places // PLACES_PER_SPLIT)))
