"""Soft prompts on a running base: keys and values that stand before every text of their adapter.

They are computed once, when the adapter is attached. A request counts them as tokens that are there already; their
pages come from the prefix cache, where the first request puts them, and are shared and reference-counted like all
others. What the cache has given up since is copied in again, never computed again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from runtime.artifact.prompt import SoftPrompt
from runtime.engine.adapters import Mix
from runtime.engine.batch import Span, build_batch
from runtime.engine.errors import AdapterRefused
from runtime.engine.imprint import Imprint
from runtime.engine.model import Model
from runtime.engine.pages import Pages
from runtime.engine.shape import Shape
from runtime.engine.transfer import send


def imprint(name: str, prompt: SoftPrompt, model: Model, mix: Mix | None, limit: int) -> Imprint:
    """The keys and values of a soft prompt on this base; refused where it does not fit."""
    _check(f"adapter {name!r}", prompt, model.shape, limit)
    for part, tensor in prompt.parts().items():
        if not torch.isfinite(tensor.to(model.dtype)).all():
            raise AdapterRefused(f"adapter {name!r}: {part} of its soft prompt holds values that are not finite.")
    if prompt.embeddings is None:
        assert prompt.keys is not None and prompt.values is not None
        size = (model.shape.layers, prompt.length, model.shape.kv_heads, model.shape.head_dim)
        keys, values = (part.to(model.weights.norm, copy=True).reshape(size) for part in (prompt.keys, prompt.values))
        return Imprint(keys, values)
    recorder = _Recorder()
    embedded = prompt.embeddings.to(model.weights.norm, copy=True)
    span = Span([0] * prompt.length, 0, [0] * prompt.length, False)
    batch = build_batch([span], mix, block_size=1, dtype=model.dtype, prompts_only=True)
    model.forward(batch, recorder, embedded)  # type: ignore[arg-type]
    made = Imprint(torch.stack(recorder.keys), torch.stack(recorder.values))
    if not (torch.isfinite(made.keys).all() and torch.isfinite(made.values).all()):
        raise AdapterRefused(f"adapter {name!r}: its soft prompt does not compute to finite numbers on this base.")
    return made


def place(made: Imprint, pages: Pages, table: Sequence[int], begin: int) -> None:
    """Writes the prompt's keys and values from position `begin` on into the blocks of a request."""
    at = range(begin, made.length)
    device = pages.data.device
    blocks = send([table[position // pages.block_size] for position in at], device)
    offsets = send([position % pages.block_size for position in at], device)
    for layer in range(len(made.keys)):
        pages.write(layer, made.keys[layer, begin:], made.values[layer, begin:], blocks, offsets)


@dataclass
class _Recorder:
    """Keeps what a pass would write into pages."""

    keys: list[Tensor] = field(default_factory=list)
    values: list[Tensor] = field(default_factory=list)

    def write(self, layer: int, keys: Tensor, values: Tensor, blocks: Tensor, offsets: Tensor) -> tuple[Tensor, Tensor]:
        self.keys.append(keys.clone())
        self.values.append(values.clone())
        return keys, values


def _check(what: str, prompt: SoftPrompt, shape: Shape, limit: int) -> None:
    width = shape.kv_heads * shape.head_dim
    expected = {
        "embeddings": [prompt.length, shape.hidden],
        "keys": [shape.layers, prompt.length, width],
        "values": [shape.layers, prompt.length, width],
    }
    parts = prompt.parts()
    if not prompt.length or parts.keys() not in ({"embeddings"}, {"keys", "values"}):
        raise AdapterRefused(f"{what}: its soft prompt is empty, or neither embeddings nor keys and values.")
    if prompt.length > limit - 2:  # a text of one token, and one of an answer
        raise AdapterRefused(
            f"{what}: its soft prompt has {prompt.length} tokens and this engine takes {limit}: no room for a text."
        )
    for part, tensor in parts.items():
        if list(tensor.shape) != expected[part]:
            raise AdapterRefused(
                f"{what}: {part} of its soft prompt are {list(tensor.shape)}, the base needs {expected[part]}."
            )
