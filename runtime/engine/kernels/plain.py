"""Norm, rotation and attention in plain torch. Runs anywhere torch runs; reads pages by gathering them.

The twins of the kernels over slots read what they need for each row, for comparison and not for speed: where there are no
kernels, `adapters` lays adapters side by side.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from runtime.engine.adapters import TILE
from runtime.engine.batch import Batch, Chunk
from runtime.engine.pages import Pages


def norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """RMS norm over the last dimension."""
    return functional.rms_norm(x, (x.shape[-1],), weight, eps)


def norm_heads(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """RMS norm of each head [tokens, heads, size], each with a weight of its own."""
    return functional.rms_norm(x, (x.shape[-1],), None, eps).mul_(weight)


def rotation(
    positions: Tensor, frequencies: Tensor, scale: float | Tensor, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """Cosine and signed sine [tokens, 1, size] of the rotary embedding; `frequencies` for all tokens or for each."""
    angles = (positions[:, None].float() * frequencies).unsqueeze(1)
    cosine, sine = angles.cos() * scale, angles.sin() * scale
    return torch.cat((cosine, cosine), -1).to(dtype), torch.cat((-sine, sine), -1).to(dtype)


def rotate(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Each head's halves turned against each other."""
    return torch.addcmul(x * cosine, x.roll(x.shape[-1] // 2, -1), sine)


Decode = Callable[[Tensor, int, Batch, Pages], Tensor]


def attend(
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    layer: int,
    batch: Batch,
    pages: Pages | None,
    decode: Decode | None = None,
) -> Tensor:
    """Attention of every row of the step to its own request's past; [tokens, heads * size]. `decode`: another way for
    rows of one token each."""
    if not batch.chunks:
        assert pages is not None
        return (decode or _decode)(queries, layer, batch, pages).flatten(1)
    result = torch.empty_like(queries)
    if batch.decoding:
        assert pages is not None
        result[: batch.decoding] = (decode or _decode)(queries[: batch.decoding], layer, batch, pages)
    for chunk in batch.chunks:
        rows = slice(chunk.start, chunk.stop)
        result[rows] = _prefill(queries[rows], keys[rows], values[rows], layer, chunk, pages)
    return result.flatten(1)


def _decode(queries: Tensor, layer: int, batch: Batch, pages: Pages) -> Tensor:
    """One query per request; the query heads that share a key head stand together as if they were positions."""
    rows, heads, size = queries.shape
    keys, values = pages.read(layer, batch.tables)
    grouped = queries.view(rows, pages.heads, heads // pages.heads, size)
    found = functional.scaled_dot_product_attention(grouped, keys, values, attn_mask=batch.mask)
    return found.reshape(rows, heads, size)


def _prefill(queries: Tensor, keys: Tensor, values: Tensor, layer: int, chunk: Chunk, pages: Pages | None) -> Tensor:
    query = queries.transpose(0, 1)[None]
    if chunk.table is None:
        key, value = keys.transpose(0, 1)[None], values.transpose(0, 1)[None]
    elif chunk.mask is None:
        assert pages is not None
        past, remembered = (each[:, :, : chunk.past] for each in pages.read(layer, chunk.table[None]))
        own, said = keys.transpose(0, 1)[None], values.transpose(0, 1)[None]
        return _past_and_own(query, past, remembered, own, said)[0].transpose(0, 1)
    else:
        assert pages is not None and chunk.mask is not None
        key, value = pages.read(layer, chunk.table[None])
        key, value = key[:, :, : chunk.mask.shape[1]], value[:, :, : chunk.mask.shape[1]]
    share = query.shape[1] // key.shape[1]
    if share > 1:
        key, value = key.repeat_interleave(share, 1), value.repeat_interleave(share, 1)
    found = functional.scaled_dot_product_attention(
        query, key, value, attn_mask=chunk.mask, is_causal=chunk.mask is None
    )
    return found[0].transpose(0, 1)


def _past_and_own(query: Tensor, past: Tensor, remembered: Tensor, own: Tensor, said: Tensor) -> Tensor:
    """Attention to a past that is seen whole and to the chunk itself, which is causal; joined by their weights.

    No mask: one of 1,024 rows over 131,072 places is half a gigabyte in float32. The past is not repeated for the heads that
    share it either: they stand side by side, as if they were rows.
    """
    _, heads, rows, size = query.shape
    share = heads // past.shape[1]
    together = query.reshape(1, past.shape[1], share * rows, size)
    before, weight = _FLASH(together, past, remembered)
    before, weight = before.reshape(query.shape), weight.reshape(1, heads, rows, 1)
    own, said = (each.repeat_interleave(share, 1) if share > 1 else each for each in (own, said))
    now, own_weight = _FLASH(query, own, said, is_causal=True)
    part = torch.sigmoid(own_weight[..., None] - weight).to(query.dtype)  # of the chunk; the rest is the past's
    return torch.lerp(before, now, part)


_FLASH = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu.default  # also gives the logarithm of the weights


def add_ranks(y: Tensor, x: Tensor, a: Tensor, b: Tensor, owners: Tensor, places: Tensor, counts: Tensor) -> None:
    """y[row] += B A x[row], with the rank rows of the row's own adapter; see `ranks`. No owner may be negative."""
    rank = torch.arange(places.shape[1] * TILE, device=x.device)
    foreign = rank >= counts.index_select(0, owners)[:, None]
    rows = places.index_select(0, owners).index_select(1, rank // TILE) + rank % TILE
    rows = rows.masked_fill_(foreign, 0).flatten()
    own_a = a.index_select(0, rows).view(*foreign.shape, -1)
    own_b = b.index_select(0, rows).view(*foreign.shape, -1).masked_fill_(foreign[..., None], 0.0)
    inner = (own_a @ x[..., None])[..., 0].masked_fill_(foreign, 0.0)
    y += (inner[:, None] @ own_b)[:, 0]


def add_kronecker(
    y: Tensor, x: Tensor, factors: Tensor, owners: Tensor, table: Tensor, counts: Tensor, middle: int
) -> None:
    """y[row] += sum of (W1 kron W2) x[row], with each product of the row's own adapter written out; see `kronecker`."""
    products = table.index_select(0, owners)[..., None, None, :].unbind(-1)  # each [rows, products, 1, 1]
    left, right, first = products[0], products[1], products[6]
    m1, n1, m2, n2 = (size.clamp_min(1) for size in products[2:6])  # what nobody uses may hold zeros
    number = torch.arange(table.shape[1], device=x.device)
    there = (number < counts.index_select(0, owners)[:, None])[..., None, None]
    place = torch.arange(y.shape[1], device=x.device)[:, None] - first
    column = torch.arange(x.shape[1], device=x.device)
    there = there & (place >= 0) & (place < m1 * m2)
    at_left = left + place // m2 * n1 + column // n2
    at_right = right + place % m2 * n2 + column % n2
    some, others = (factors[torch.where(there, at, 0)] for at in (at_left, at_right))
    y += torch.einsum("rpoi,ri->ro", torch.where(there, some * others, 0.0), x)
