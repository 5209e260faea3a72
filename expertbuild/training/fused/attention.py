"""Attention inside a pack: each sample sees itself alone, causally.

Rows of queries, keys and values are gathered into dense blocks of samples of similar length (padded on the right,
which causal attention never looks at), multiplied there, and gathered back. The index tables are made once per pack.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from expertbuild.training.fused.kernels import LONGEST_DENSE, CausalAttention, apply

# Samples share a block while the longest is at most this much longer than the shortest.
PADDING = 1.25
ALIGNED = 16  # block lengths are multiples of this: few shapes, see `decoder`


@dataclass(frozen=True)
class Block:
    samples: int
    length: int
    mask: Tensor  # [group * length, length], 0 or -inf


@dataclass(frozen=True)
class Layout:
    """Where each row of the flat pack stands in the blocks, and the way back."""

    blocks: tuple[Block, ...]
    heads: int
    kv_heads: int
    queries: Tensor
    from_queries: Tensor
    keys: Tensor
    from_keys: Tensor


def layout(lengths: tuple[int, ...], heads: int, kv_heads: int, dtype: torch.dtype) -> Layout:
    """The tables for a pack of samples of these lengths, which come sorted or nearly so."""
    blocks: list[Block] = []
    tokens: list[Tensor] = []
    last = sum(lengths) - 1
    start = 0
    for group in _runs(lengths):
        longest = -(-max(group) // ALIGNED) * ALIGNED
        starts = torch.tensor([0, *group[:-1]]).cumsum(0) + start
        tokens.append((starts[:, None] + torch.arange(longest)).clamp(max=last))
        mask = torch.full((longest, longest), float("-inf"), dtype=dtype).triu(1)
        blocks.append(Block(len(group), longest, mask.repeat(heads // kv_heads, 1)))
        start += sum(group)
    queries = torch.cat([_rows(each, heads) for each in tokens])
    keys = torch.cat([_rows(each, kv_heads) for each in tokens])
    real = torch.cat([_real(group, block, heads) for group, block in zip(_runs(lengths), blocks, strict=True)])
    real_keys = torch.cat([_real(group, block, kv_heads) for group, block in zip(_runs(lengths), blocks, strict=True)])
    return Layout(tuple(blocks), heads, kv_heads, queries, _inverse(queries, real), keys, _inverse(keys, real_keys))


def attend(q: Tensor, k: Tensor, v: Tensor, table: Layout) -> Tensor:
    """[tokens, heads, size] with keys and values [tokens, kv heads, size] -> [tokens, heads * size]."""
    tokens, heads, size = q.shape
    group = heads // table.kv_heads
    q = apply(Gather, q.reshape(-1, size), table.queries, table.from_queries)
    k = apply(Gather, k.reshape(-1, size), table.keys, table.from_keys)
    v = apply(Gather, v.reshape(-1, size), table.keys, table.from_keys)
    out = []
    at_q = at_k = 0
    for block in table.blocks:
        rows = block.samples * table.kv_heads
        to_q, to_k = at_q + rows * group * block.length, at_k + rows * block.length
        out.append(
            _block(
                q[at_q:to_q].view(rows, group * block.length, size),
                k[at_k:to_k].view(rows, block.length, size),
                v[at_k:to_k].view(rows, block.length, size),
                block,
                group,
            ).reshape(-1, size)
        )
        at_q, at_k = to_q, to_k
    joined = out[0] if len(out) == 1 else torch.cat(out)
    back: Tensor = apply(Ungather, joined, table.from_queries)
    return back.view(tokens, heads * size)


class Gather(Function):
    """Rows by index, where `back` is the index of the way back: its gradient is a gather too, not a scatter.

    Padding rows are copies; their gradient is zero by construction and is left out.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, index: Tensor, back: Tensor) -> Tensor:
        ctx.save_for_backward(back)
        return x.index_select(0, index)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        return grad.index_select(0, ctx.saved_tensors[0]), None, None


class Ungather(Function):
    """The real rows of the blocks, in the pack's order; padding gets no gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, index: Tensor) -> Tensor:
        ctx.save_for_backward(index)
        ctx.rows = x.shape[0]
        return x.index_select(0, index)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        whole = grad.new_zeros(ctx.rows, grad.shape[1])
        return whole.index_copy_(0, ctx.saved_tensors[0], grad), None


def _block(q: Tensor, k: Tensor, v: Tensor, block: Block, group: int) -> Tensor:
    size = q.shape[-1]
    if block.length <= LONGEST_DENSE:
        out: Tensor = apply(CausalAttention, q, k, v, block.mask, size**-0.5)
        return out
    return torch.nn.functional.scaled_dot_product_attention(
        q.view(-1, group, block.length, size),
        k.unsqueeze(1),
        v.unsqueeze(1),
        is_causal=True,
        enable_gqa=group > 1,
    ).reshape(q.shape)


def _runs(lengths: tuple[int, ...]) -> list[list[int]]:
    runs: list[list[int]] = []
    for length in lengths:
        if runs and max(*runs[-1], length) <= PADDING * min(*runs[-1], length):
            runs[-1].append(length)
        else:
            runs.append([length])
    return runs


def _rows(tokens: Tensor, heads: int) -> Tensor:
    """Row numbers of [token, head] in the order [sample, head, position]."""
    return (tokens[:, None, :] * heads + torch.arange(heads)[None, :, None]).reshape(-1)


def _real(group: list[int], block: Block, heads: int) -> Tensor:
    inside = torch.arange(block.length) < torch.tensor(group)[:, None]
    return inside[:, None, :].expand(-1, heads, -1).reshape(-1)


def _inverse(index: Tensor, real: Tensor) -> Tensor:
    back = torch.empty(int(real.sum()), dtype=torch.int64)
    back[index[real]] = torch.arange(index.numel())[real]
    return back
