"""From the fused product of query, key and value to queries that are ready and keys and values that are kept: one kernel.

Norm of each head (where the base has one), rotation by the row's position, and the write into the pages; plainly these
are seven passes over the same few kilobytes, and on a GPU each is a launch. The plain twins are `plain.norm_heads`,
`plain.rotate` and `Pages.write`.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor


@triton.jit
def _prepare(
    fused, norms, positions, frequencies, blocks, offsets, turned, data,
    eps, scale, layer, fused_row, block_stride, layer_stride, part_stride, place_stride,
    HEADS: tl.constexpr, KV_HEADS: tl.constexpr, SIZE: tl.constexpr, PADDED: tl.constexpr, NORMED: tl.constexpr,
):  # fmt: skip
    row, head = tl.program_id(0), tl.program_id(1)
    half: tl.constexpr = SIZE // 2
    size = tl.arange(0, PADDED)
    inside = size < SIZE
    at = fused + row * fused_row + head * SIZE
    x = tl.load(at + size, inside, other=0.0).to(tl.float32)
    kept_at = tl.load(blocks + row).to(tl.int64) * block_stride + tl.load(offsets + row).to(tl.int64) * place_stride
    if head < HEADS + KV_HEADS:
        other_at = tl.where(size < half, size + half, size - half)
        other = tl.load(at + other_at, inside, other=0.0).to(tl.float32)
        if NORMED:
            factor = tl.rsqrt(tl.sum(x * x, 0) / SIZE + eps)
            x = x * factor * tl.load(norms + head * SIZE + size, inside, other=0.0).to(tl.float32)
            other = other * factor * tl.load(norms + head * SIZE + other_at, inside, other=0.0).to(tl.float32)
        frequency = tl.load(frequencies + size % half, inside, other=0.0).to(tl.float32)
        angle = tl.load(positions + row).to(tl.float32) * frequency
        sine = tl.where(size < half, -tl.sin(angle), tl.sin(angle))
        x = (x * tl.cos(angle) + other * sine) * scale
        tl.store(turned + (row * (HEADS + KV_HEADS) + head) * SIZE + size, x.to(turned.dtype.element_ty), inside)
        if head >= HEADS:
            kept = data + kept_at + layer * layer_stride + (head - HEADS) * SIZE
            tl.store(kept + size, x.to(data.dtype.element_ty), inside)
    else:
        kept = data + kept_at + layer * layer_stride + part_stride + (head - HEADS - KV_HEADS) * SIZE
        tl.store(kept + size, x.to(data.dtype.element_ty), inside)


def prepare(
    fused: Tensor,
    norms: Tensor | None,
    positions: Tensor,
    frequencies: Tensor,
    data: Tensor,
    layer: int,
    blocks: Tensor,
    offsets: Tensor,
    *,
    heads: int,
    kv_heads: int,
    eps: float,
    scale: float,
) -> Tensor:
    """Turned queries, then keys [rows, heads + kv heads, size]; keys and values are kept in `data` at their places.

    `fused` [rows, (heads + 2 kv heads) * size]; `norms` [heads + kv heads, size], or None.
    """
    rows = len(fused)
    size = fused.shape[1] // (heads + 2 * kv_heads)
    turned = torch.empty(rows, heads + kv_heads, size, dtype=fused.dtype, device=fused.device)
    _prepare[(rows, heads + 2 * kv_heads)](
        fused, frequencies if norms is None else norms, positions, frequencies, blocks, offsets, turned, data,
        eps, scale, layer, fused.stride(0), data.stride(0), data.stride(1), data.stride(2), data.stride(3),
        HEADS=heads, KV_HEADS=kv_heads, SIZE=size, PADDED=triton.next_power_of_2(size), NORMED=norms is not None,
    )  # fmt: skip
    return turned
