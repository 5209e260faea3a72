"""How many bytes a context takes, said before anything is allocated. Measured against it: tests/engine/test_long_context.py.

Weights are not counted: they are there before the first token. What grows with the text is its keys and values, the
copy of one layer's that a step gathers, and the tokens themselves; a step's own tensors depend on `step_tokens` alone.
"""

from dataclasses import dataclass

import torch

from runtime.engine.pages import Pages
from runtime.engine.shape import Shape

_PER_TOKEN = 120  # Python's ints and lists of the text, in the request and in the step


@dataclass(frozen=True)
class Memory:
    """Bytes."""

    pages: int  # keys and values of all layers
    gathered: int  # one layer's, side by side
    step: int  # what a step of `step_tokens` computes with
    text: int

    @property
    def total(self) -> int:
        return self.pages + self.gathered + self.step + self.text


def context_memory(
    shape: Shape, tokens: int, *, dtype: torch.dtype, step_tokens: int = 1024, block_size: int = 16
) -> Memory:
    """What one request of `tokens` tokens needs, its answer included, besides the weights."""
    blocks = -(-tokens // block_size) + 1
    width = shape.kv_heads * shape.head_dim
    rows = min(step_tokens, tokens)
    heads = (3 * shape.heads + 4 * shape.kv_heads) * shape.head_dim
    widest = max(heads + 2 * shape.heads * shape.head_dim, 4 * shape.inner)
    return Memory(
        pages=blocks * block_size * Pages.bytes_per_token(shape, dtype),
        gathered=2 * (1 << (blocks - 1).bit_length()) * block_size * width * dtype.itemsize,
        step=rows * (4 * shape.hidden + widest) * max(dtype.itemsize, 4) + 2 * shape.vocab * 4,
        text=tokens * _PER_TOKEN,
    )
