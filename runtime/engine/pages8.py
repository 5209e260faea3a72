"""The memory of the key-value cache in eight bits: a bit more than a quarter of what float32 takes, half of bfloat16.

Each key and value of a head is kept as 127 steps of its own largest number. What is computed with is always what is kept,
for a prompt's own tokens too, so that an answer does not depend on whether its beginning was found in the cache. Answers
differ from those of an exact cache, though: docs/engine.md says by how much.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from runtime.engine.pages import Pages
from runtime.engine.shape import Shape
from runtime.engine.transfer import send


class Int8Pages(Pages):
    """Blocks of int8, with one scale for each head of each token."""

    def __init__(self, shape: Shape, count: int, block_size: int, *, device: torch.device, dtype: torch.dtype) -> None:
        super().__init__(shape, count, block_size, device=device, dtype=torch.int8)
        self.scales = torch.zeros(count, shape.layers, 2, block_size, shape.kv_heads, device=device, dtype=dtype)
        self._read = self.scales.new_empty(2, 0, block_size, shape.kv_heads, shape.head_dim)

    @staticmethod
    def bytes_per_token(shape: Shape, dtype: torch.dtype) -> int:
        return 2 * shape.layers * shape.kv_heads * (shape.head_dim + dtype.itemsize)

    def clear(self, blocks: list[int]) -> None:
        super().clear(blocks)
        self.scales.index_fill_(0, send(blocks, self.scales.device), 0)

    def copy(self, pairs: Sequence[tuple[int, int]]) -> None:
        super().copy(pairs)
        for source, target in pairs:
            self.scales[target] = self.scales[source]

    def write(self, layer: int, keys: Tensor, values: Tensor, blocks: Tensor, offsets: Tensor) -> tuple[Tensor, Tensor]:
        kept = []
        for part, tensor in enumerate((keys, values)):
            scale = (tensor.abs().amax(-1) / 127).clamp_min(torch.finfo(tensor.dtype).tiny)
            steps = (tensor / scale[..., None]).round().clamp_(-127, 127)
            self.data[:, layer, part].index_put_((blocks, offsets), steps.to(torch.int8).flatten(1))
            self.scales[:, layer, part].index_put_((blocks, offsets), scale)
            kept.append(steps * scale[..., None])
        return kept[0], kept[1]

    def read(self, layer: int, tables: Tensor) -> tuple[Tensor, Tensor]:
        flat = tables.flatten()
        if self._read.shape[1] < len(flat):
            self._read = self._read.new_empty(2, 1 << (len(flat) - 1).bit_length(), *self._read.shape[2:])
        keys, values = (
            torch.mul(
                self.data[:, layer, part].index_select(0, flat).view(self._read[part, : len(flat)].shape),
                self.scales[:, layer, part].index_select(0, flat)[..., None],
                out=self._read[part, : len(flat)],
            )
            .view(tables.shape[0], -1, self.heads, self.head_dim)
            .transpose(1, 2)
            for part in (0, 1)
        )
        return keys, values
