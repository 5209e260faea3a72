"""Attention inside a pack: each sample sees itself alone, causally.

Rows of queries, keys and values are gathered into dense blocks of samples of similar length (padded on the right,
which causal attention never looks at), multiplied there, and gathered back. The index tables are made once per pack.
A beginning that several samples have in common is gathered for each of them, and its gradients are summed; a long one as
keys and values alone, so that what it sees itself is computed once.
"""

from collections.abc import Iterator
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
# From this length on, a common beginning asks nothing again: below it, a few large products cost less than many small.
LONG_BEGINNING = 192


@dataclass(frozen=True)
class Block:
    samples: int
    queries: int  # rows of each sample
    keys: int
    mask: Tensor  # [group * queries, keys], 0 or -inf


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
    copies: Tensor  # which rows of `keys` are of a beginning that stands elsewhere, too


@dataclass(frozen=True)
class Span:
    """Where the tokens of one sample lie in the pack."""

    length: int
    common: int  # so many of them lie from `beginning` on, the others from `own` on
    beginning: int
    own: int


def layout(lengths: tuple[int, ...], common: tuple[int, ...], heads: int, kv_heads: int, dtype: torch.dtype) -> Layout:
    """The tables for a pack of samples of these lengths, which have so much in common."""
    blocks: list[Block] = []
    asking: list[Tensor] = []
    tokens: list[Tensor] = []
    own: list[Tensor] = []
    copied: list[Tensor] = []
    asked: list[Tensor] = []
    last = sum(lengths) - sum(common) - 1
    for group in _groups(lengths, common):
        skipped = group[0].common if group[0].common >= LONG_BEGINNING else 0  # the same in all of them
        longest = skipped - (-(max(span.length for span in group) - skipped) // ALIGNED) * ALIGNED
        length, shared, beginning, start = (
            torch.tensor([getattr(span, name) for span in group])[:, None]
            for name in ("length", "common", "beginning", "own")
        )
        at = torch.arange(longest)
        copy = at < shared
        tokens.append(torch.where(copy, beginning + at, start + at - shared).clamp(max=last))
        own.append(~copy & (at < length))
        copied.append(copy)
        asking.append(tokens[-1][:, skipped:])
        asked.append(own[-1][:, skipped:])
        mask = torch.full((longest - skipped, longest), float("-inf"), dtype=dtype).triu(1 + skipped)
        blocks.append(Block(len(group), longest - skipped, longest, mask.repeat(heads // kv_heads, 1)))
    queries, real = _rows(asking, asked, heads)
    keys, real_keys = _rows(tokens, own, kv_heads)
    copies = _rows(tokens, copied, kv_heads)[1].nonzero()[:, 0]
    back, back_keys = _inverse(queries, real), _inverse(keys, real_keys)
    return Layout(tuple(blocks), heads, kv_heads, queries, back, keys, back_keys, copies)


def _groups(lengths: tuple[int, ...], common: tuple[int, ...]) -> Iterator[list[Span]]:
    """Samples that stand in one block: of similar length, and behind a long beginning those of one family."""
    families: dict[tuple[int, int], list[Span]] = {}
    for span in _spans(lengths, common):
        long = span.common >= LONG_BEGINNING
        families.setdefault((span.beginning, span.common) if long else (-1, 0), []).append(span)
    for (_, skipped), spans in families.items():
        yield from _runs(spans, skipped)


def _spans(lengths: tuple[int, ...], common: tuple[int, ...]) -> list[Span]:
    """The samples, the shortest first."""
    made: list[Span] = []
    beginning = end = 0
    for length, shared in zip(lengths, common, strict=True):
        if not shared:
            beginning = end
        made.append(Span(length, shared, beginning, end))
        end += length - shared
    return sorted(made, key=lambda span: span.length)


def attend(q: Tensor, k: Tensor, v: Tensor, table: Layout) -> Tensor:
    """[tokens, heads, size] with keys and values [tokens, kv heads, size] -> [tokens, heads * size]."""
    tokens, heads, size = q.shape
    group = heads // table.kv_heads
    none = table.copies[:0]  # nothing of what comes out at a copied query is kept: it has no gradient
    q = apply(Gather, q.reshape(-1, size), table.queries, table.from_queries, none)
    k = apply(Gather, k.reshape(-1, size), table.keys, table.from_keys, table.copies)
    v = apply(Gather, v.reshape(-1, size), table.keys, table.from_keys, table.copies)
    out = []
    at_q = at_k = 0
    for block in table.blocks:
        rows = block.samples * table.kv_heads
        to_q, to_k = at_q + rows * group * block.queries, at_k + rows * block.keys
        out.append(
            _block(
                q[at_q:to_q].view(rows, group * block.queries, size),
                k[at_k:to_k].view(rows, block.keys, size),
                v[at_k:to_k].view(rows, block.keys, size),
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

    `copies` names the rows that stand for one that is at `back` already: their gradient is added. Padding rows are
    copies, too; their gradient is zero by construction and is left out.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, index: Tensor, back: Tensor, copies: Tensor) -> Tensor:
        ctx.save_for_backward(index, back, copies)
        return x.index_select(0, index)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        index, back, copies = ctx.saved_tensors
        out = grad.index_select(0, back)
        if copies.numel():
            out.index_add_(0, index[copies], grad.index_select(0, copies))
        return out, None, None, None


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
    if block.keys <= LONGEST_DENSE or block.queries < block.keys:
        out: Tensor = apply(CausalAttention, q, k, v, block.mask, size**-0.5)
        return out
    return torch.nn.functional.scaled_dot_product_attention(
        q.view(-1, group, block.queries, size),
        k.unsqueeze(1),
        v.unsqueeze(1),
        is_causal=True,
        enable_gqa=group > 1,
    ).reshape(q.shape)


def _runs(spans: list[Span], skipped: int) -> list[list[Span]]:
    """Neighbours whose lengths, without what is skipped, differ little."""
    runs: list[list[Span]] = []
    for span in spans:
        if runs and span.length - skipped <= PADDING * (runs[-1][0].length - skipped):
            runs[-1].append(span)
        else:
            runs.append([span])
    return runs


def _rows(tokens: list[Tensor], chosen: list[Tensor], heads: int) -> tuple[Tensor, Tensor]:
    """Row numbers of [token, head] in the order [sample, head, position], and which of them are chosen."""
    head = torch.arange(heads)[None, :, None]
    rows = torch.cat([(each[:, None, :] * heads + head).reshape(-1) for each in tokens])
    return rows, torch.cat([each[:, None, :].expand(-1, heads, -1).reshape(-1) for each in chosen])


def _inverse(index: Tensor, real: Tensor) -> Tensor:
    back = torch.empty(int(real.sum()), dtype=torch.int64)
    back[index[real]] = torch.arange(index.numel())[real]
    return back
