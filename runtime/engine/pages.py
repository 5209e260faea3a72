"""The memory of the key-value cache: one tensor, cut into blocks. Which block is whose, `cache` decides.

A block holds keys and values of all layers side by side, so that clearing or copying one touches one stretch of memory.
An int8 cache is another class with the same methods: see `pages8`.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from runtime.engine.shape import Shape
from runtime.engine.transfer import send


class Pages:
    """`count` blocks of `block_size` tokens. Block 0 is the null block: all zeros, never written."""

    def __init__(
        self,
        shape: Shape,
        count: int,
        block_size: int,
        *,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        self.block_size = block_size
        self.heads, self.head_dim = shape.kv_heads, shape.head_dim
        width = shape.kv_heads * shape.head_dim
        self.data = torch.zeros(count, shape.layers, 2, block_size, width, device=device, dtype=dtype)
        self._gathered = self.data.new_empty(2, 0, block_size * width)

    @staticmethod
    def bytes_per_token(shape: Shape, dtype: torch.dtype) -> int:
        return 2 * shape.layers * shape.kv_heads * shape.head_dim * dtype.itemsize

    def clear(self, blocks: list[int]) -> None:
        """Zeros: a masked place counts zero times its value, and that must not be zero times infinity."""
        self.data.index_fill_(0, send(blocks, self.data.device), 0)

    def copy(self, pairs: Sequence[tuple[int, int]]) -> None:
        """Whole blocks, from and to, one after the other."""
        for source, target in pairs:
            self.data[target] = self.data[source]

    def write(self, layer: int, keys: Tensor, values: Tensor, blocks: Tensor, offsets: Tensor) -> tuple[Tensor, Tensor]:
        """Keeps keys and values [tokens, heads, size] at their places; gives them back as they will be read."""
        for part, tensor in enumerate((keys, values)):
            self.data[:, layer, part].index_put_((blocks, offsets), tensor.flatten(1))
        return keys, values

    def read(self, layer: int, tables: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values [rows, heads, places, size] of block tables [rows, blocks]; good until the next read.

        Gathered into memory that stays: asking for it anew cost ten times the copying, in page faults.
        """
        flat = tables.flatten()
        if self._gathered.shape[1] < len(flat):
            room = 1 << (len(flat) - 1).bit_length()
            self._gathered = self.data.new_empty(2, room, self.data[0, 0, 0].numel())
        keys, values = (
            torch.index_select(self.data[:, layer, part].flatten(1), 0, flat, out=self._gathered[part, : len(flat)])
            .view(tables.shape[0], -1, self.heads, self.head_dim)
            .transpose(1, 2)
            for part in (0, 1)
        )
        return keys, values
