"""The forward pass of Qwen3, Qwen2 and Llama: one function over one batch, with adapters applied where W is.

It neither schedules nor samples, and keeps no state but its weights: keys and values go to the pages it is given.
"""

from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from runtime.engine.adapters import apply
from runtime.engine.batch import Batch
from runtime.engine.errors import BaseRefused
from runtime.engine.kernels import fast_kernels, plain
from runtime.engine.matrix import HOLDINGS
from runtime.engine.pages import Pages
from runtime.engine.shape import Shape
from runtime.engine.weights import Layer, load_weights


class Model:
    """A base on one device, in one dtype."""

    def __init__(
        self, directory: Path, *, device: torch.device, dtype: torch.dtype | None = None, weights: str = "auto"
    ) -> None:
        if weights not in HOLDINGS:
            raise BaseRefused(f"weights={str(weights)[:40]!r} is not one of {', '.join(HOLDINGS)}.")
        self.shape = Shape.read(directory)
        self.held = weights
        self.device = device
        # A CPU without bfloat16 units computes it slower than float32, and no CPU needs its memory saved by default.
        self.dtype = dtype or (torch.float32 if device.type == "cpu" else self.shape.dtype)
        self.weights = load_weights(directory, self.shape, device=device, dtype=self.dtype, weights=weights)
        self._frequencies = torch.tensor(self.shape.rope.frequencies, device=device)
        self.fast = fast_kernels(device)

    @torch.inference_mode()
    def forward(
        self, batch: Batch, pages: Pages | None, embedded: Tensor | None = None, out: Tensor | None = None
    ) -> Tensor:
        """Float32 logits [rows wanted, vocabulary]. Without pages nothing is kept, and no row may have a past.

        `embedded`: the embeddings of the rows, in place of their tokens'. `out`: where the logits are to stand.
        """
        shape, weights = self.shape, self.weights
        batch = batch.to(self.device)
        turn = None
        if self.fast is None or type(pages) is not Pages or batch.turns is not None:
            frequencies, scale = (self._frequencies, shape.rope.scale) if batch.turns is None else batch.turns
            turn = plain.rotation(batch.positions, frequencies, scale, self.dtype)
        x = functional.embedding(batch.tokens, weights.embedding) if embedded is None else embedded
        x = x.to(self.dtype)
        for number, layer in enumerate(weights.layers):
            x += self._attention(x, turn, number, layer, batch, pages)
            x += self._mlp(x, layer, batch)
        x = plain.norm(x.index_select(0, batch.last), weights.norm, shape.norm_eps)
        logits = weights.head(x)
        return logits.float() if out is None else out.copy_(logits)

    def _attention(
        self,
        x: Tensor,
        turn: tuple[Tensor, Tensor] | None,
        number: int,
        layer: Layer,
        batch: Batch,
        pages: Pages | None,
    ) -> Tensor:
        shape = self.shape
        turned = shape.heads + shape.kv_heads
        x = plain.norm(x, layer.norm_in, shape.norm_eps)
        fused = apply(layer.qkv, x, batch.mix)
        heads = fused.view(len(x), -1, shape.head_dim)
        if turn is None:
            assert self.fast is not None and pages is not None
            both = self.fast.prepare(
                fused,
                layer.norm_heads,
                batch.positions,
                self._frequencies,
                pages.data,
                number,
                batch.blocks,
                batch.offsets,
                heads=shape.heads,
                kv_heads=shape.kv_heads,
                eps=shape.norm_eps,
                scale=shape.rope.scale,
            )
            queries, keys, values = both[:, : shape.heads], both[:, shape.heads :], heads[:, turned:]
            found = plain.attend(queries, keys, values, number, batch, pages, self.fast.decode)
            return apply(layer.out, found, batch.mix)
        both, values = heads[:, :turned], heads[:, turned:]
        if layer.norm_heads is not None:
            both = plain.norm_heads(both, layer.norm_heads, shape.norm_eps)
        both = plain.rotate(both, *turn)
        queries, keys = both[:, : shape.heads], both[:, shape.heads :]
        if pages is not None:
            keys, values = pages.write(number, keys, values, batch.blocks, batch.offsets)
        found = plain.attend(queries, keys, values, number, batch, pages)
        return apply(layer.out, found, batch.mix)

    def _mlp(self, x: Tensor, layer: Layer, batch: Batch) -> Tensor:
        x = plain.norm(x, layer.norm_mlp, self.shape.norm_eps)
        gate, up = apply(layer.gate_up, x, batch.mix).chunk(2, dim=-1)
        return apply(layer.down, functional.silu(gate).mul_(up), batch.mix)
