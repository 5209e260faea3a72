"""One step's work as tensors: the tokens of many requests in one flat row, and where their keys and values lie.

Requests that decode (one token each) come first, then the chunks of prompts. Built once per step, on the host; sent to
the device by who computes with it, and read by every layer.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from runtime.engine.adapters import Apply
from runtime.engine.rope import Rope
from runtime.engine.transfer import send


@dataclass(frozen=True)
class Span:
    """What one request contributes to a step: `tokens`, of which the first stands at position `past`."""

    tokens: Sequence[int]
    past: int
    table: Sequence[int]  # blocks of its keys and values, these tokens' own included
    wants_logits: bool
    drafted: int = 0  # the last tokens of it that are guesses: the logits before each are wanted as well
    rope: Rope | None = None  # None: the base's own
    prompt: int = 0  # tokens of the prompt, by which a rope that grows with the text is chosen


@dataclass(frozen=True)
class Chunk:
    """Rows `start` to `stop` of the step: several tokens of one request that attend to its past and to themselves."""

    start: int
    stop: int
    past: int
    table: Tensor | None  # blocks of past and chunk; None when there is no past
    mask: (
        Tensor | None
    )  # [rows, past + rows], added to the scores; None: on a CPU, where past and chunk are taken apart

    def to(self, device: torch.device, dtype: torch.dtype) -> "Chunk":
        """A mask is made where it is used: it is far larger than what it is made of."""
        if self.table is None or device.type == "cpu":
            return self
        whole = self.past + self.stop - self.start
        mask = torch.full((self.stop - self.start, whole), float("-inf"), device=device, dtype=dtype)
        return replace(self, table=send(self.table, device), mask=mask.triu_(self.past + 1))


@dataclass(frozen=True)
class Batch:
    tokens: Tensor  # may be on the device already, where the step before has just chosen them
    positions: Tensor
    blocks: Tensor  # with `offsets`: where each token's key and value are kept
    offsets: Tensor
    decoding: int  # the first rows: one token each
    tables: Tensor  # [decoding, longest]: blocks, padded with the null block
    lengths: Tensor  # [decoding]: keys of each of these rows, its own token's included
    chunks: tuple[Chunk, ...]
    last: Tensor  # the rows whose logits are wanted
    mix: Apply | None  # which adapter each row belongs to; None: the base alone
    block_size: int
    dtype: torch.dtype  # what is computed in
    turns: tuple[Tensor, Tensor] | None = None  # frequencies [rows, pairs] and scale [rows, 1, 1]; None: the base's

    @cached_property
    def mask(self) -> Tensor | None:
        """[decoding, 1, 1, longest * block size], added to the scores; made when a plain step asks for it."""
        if not self.decoding:
            return None
        places = torch.arange(self.tables.shape[1] * self.block_size, device=self.lengths.device)
        mask = torch.zeros(self.decoding, len(places), device=places.device, dtype=self.dtype)
        return mask.masked_fill_(places >= self.lengths[:, None], float("-inf"))[:, None, None]

    def to(self, device: torch.device) -> "Batch":
        """On the device; the same where it is there already."""
        if self.positions.device.type == device.type:
            return self
        return replace(
            self,
            tokens=send(self.tokens, device),
            positions=send(self.positions, device),
            blocks=send(self.blocks, device),
            offsets=send(self.offsets, device),
            tables=send(self.tables, device),
            lengths=send(self.lengths, device),
            last=send(self.last, device),
            chunks=tuple(chunk.to(device, self.dtype) for chunk in self.chunks),
            turns=None if self.turns is None else (send(self.turns[0], device), send(self.turns[1], device)),
        )


def build_batch(
    spans: Sequence[Span],
    mix: Apply | None,
    *,
    block_size: int,
    dtype: torch.dtype,
    prompts_only: bool = False,
    rope: Rope | None = None,
    known: Tensor | None = None,
) -> Batch:
    """The tensors of a step, on the host. `spans` must have those of a single token first.

    `prompts_only`: nothing has a past and nothing is kept, so that a single token, too, attends to itself alone. `rope`:
    the base's own. `known`: the tokens of all rows, where the device alone knows some of them.
    """
    single = 0 if prompts_only else next((at for at, span in enumerate(spans) if len(span.tokens) > 1), len(spans))
    singles, several = spans[:single], spans[single:]
    tokens = [span.tokens[0] for span in singles]
    positions = [span.past for span in singles]
    blocks = [span.table[span.past // block_size] for span in singles]
    last = [row for row, span in enumerate(singles) if span.wants_logits]
    chunks = []
    for span in several:
        chunks.append(_chunk(span, len(tokens), block_size))
        end = span.past + len(span.tokens)
        tokens += span.tokens
        positions += range(span.past, end)
        blocks += [span.table[place // block_size] for place in range(span.past, end)]
        if span.wants_logits:
            last += range(len(tokens) - 1 - span.drafted, len(tokens))
    longest = max((past // block_size + 1 for past in positions[:single]), default=0)
    at = torch.tensor(positions)
    return Batch(
        tokens=torch.tensor(tokens) if known is None else known,
        positions=at,
        blocks=torch.tensor(blocks),
        offsets=at % block_size,
        decoding=single,
        tables=torch.tensor([_padded(span.table, longest) for span in singles], dtype=torch.int64),
        lengths=at[:single] + 1,
        chunks=tuple(chunks),
        last=torch.tensor(last, dtype=torch.int64),
        mix=mix,
        block_size=block_size,
        dtype=dtype,
        turns=_turns([*singles, *several], rope),
    )


def _turns(spans: Sequence[Span], base: Rope | None) -> tuple[Tensor, Tensor] | None:
    """What each row is turned by, where any is not simply the base's."""
    ropes = [span.rope or base for span in spans]
    if base is None or all(rope is base and base.original is None for rope in ropes):
        return None
    kinds: dict[tuple[tuple[float, ...], float], int] = {}
    rows = []
    for span, rope in zip(spans, ropes, strict=True):
        assert rope is not None
        for place in range(span.past, span.past + len(span.tokens)):
            kind = (rope.at(max(span.prompt, place + 1)), rope.scale)
            rows.append(kinds.setdefault(kind, len(kinds)))
    which = torch.tensor(rows)
    frequencies = torch.tensor([kind[0] for kind in kinds])
    scales = torch.tensor([kind[1] for kind in kinds])
    return frequencies.index_select(0, which), scales.index_select(0, which)[:, None, None]


def _padded(table: Sequence[int], length: int) -> list[int]:
    """Block 0 is never written: what stands there is masked, and finite."""
    return [*table[:length], *[0] * (length - len(table))]


def _chunk(span: Span, start: int, block_size: int) -> Chunk:
    count = len(span.tokens)
    if not span.past:
        return Chunk(start, start + count, 0, None, None)
    used = -(-(span.past + count) // block_size)
    return Chunk(start, start + count, span.past, torch.tensor(list(span.table[:used]), dtype=torch.int64), None)
