"""The base guesses for its experts: what it would say without the adapter.

It follows each text with keys and values of its own, in a cache of its own that is made when it is first asked for. As
the base has the size of what it guesses for, this saves passes only where a pass over several tokens costs less than as
many passes over one, and the base's own passes count: see docs/engine.md for what was measured.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from runtime.engine.batch import Span, build_batch
from runtime.engine.cache import Cache
from runtime.engine.grammar import Grammars, Matcher
from runtime.engine.model import Model
from runtime.engine.pages import Pages
from runtime.engine.sampler import Draw, choose
from runtime.engine.sequence import Sequence

# Tokens of a prompt that the base reads in one go, before it guesses anything.
CHUNK = 512
BLOCK = 16


@dataclass
class Shadow:
    """What the base has read of one text."""

    read: list[int] = field(default_factory=list)
    table: list[int] = field(default_factory=list)


class Base:
    """The base as drafter."""

    def __init__(self, model: Model, grammars: Grammars, blocks: int) -> None:
        self._model, self._grammars, self._blocks = model, grammars, blocks
        self._pages: Pages | None = None
        self._cache: Cache | None = None
        self._shadows: dict[Sequence, Shadow] = {}

    def forget(self, sequence: Sequence) -> None:
        shadow = self._shadows.pop(sequence, None)
        if shadow is not None and self._cache is not None:
            self._cache.release(shadow.table)

    def guess(self, wanted: Mapping[Sequence, int]) -> dict[Sequence, list[int]]:
        # Without an adapter the base would guess what it is about to say, at the price of saying it.
        with torch.inference_mode():
            texts = {each: each.tokens[each.virtual :] for each in wanted if each.adapter is not None}
            matchers = {each: each.matcher.fork() for each in texts if each.matcher is not None}
            drafts: dict[Sequence, list[int]] = {sequence: [] for sequence in texts}
            while texts:
                ready = self._read(texts)
                if not ready:
                    break
                front = list(ready)
                tokens = self._choose(front, torch.stack([ready[each] for each in front]), drafts, matchers)
                for sequence, token in zip(front, tokens, strict=True):
                    drafts[sequence].append(token)
                    texts[sequence].append(token)
                    matcher = matchers.get(sequence)
                    over = token in sequence.ends or len(drafts[sequence]) >= wanted[sequence]
                    if not over and matcher is not None:
                        over = not matcher.leading([token])
                        if not over:
                            matcher.accept(token)
                            over = matcher.ended
                    if over:
                        del texts[sequence]
                texts = {sequence: text for sequence, text in texts.items() if sequence in ready}
        return drafts

    def _read(self, texts: Mapping[Sequence, list[int]]) -> dict[Sequence, Tensor]:
        """The base's logits after each text; none where there is still more to read, or no room."""
        if self._pages is None or self._cache is None:
            model = self._model
            self._pages = Pages(model.shape, self._blocks, BLOCK, device=model.device, dtype=model.dtype)
            self._cache = Cache(self._blocks, BLOCK)
        pages, cache = self._pages, self._cache
        spans: list[tuple[Sequence, Span]] = []
        fresh: list[int] = []
        for sequence, text in texts.items():
            shadow = self._shadows.setdefault(sequence, Shadow())
            same = next(
                (at for at, (a, b) in enumerate(zip(shadow.read, text, strict=False)) if a != b),
                min(len(shadow.read), len(text) - 1),
            )
            del shadow.read[same:]
            part = text[same : same + CHUNK]
            while len(shadow.table) < -(-(same + len(part)) // cache.block_size):
                block = cache.allocate()
                if block is None:
                    break
                shadow.table.append(block)
                fresh.append(block)
            else:
                shadow.read += part
                whole = same + len(part) == len(text)
                spans.append(
                    (sequence, Span(part, same, shadow.table, whole, rope=sequence.rope, prompt=sequence.prompt))
                )
        if not spans:
            return {}
        if fresh:
            pages.clear(fresh)
        spans.sort(key=lambda span: len(span[1].tokens) > 1)
        batch = build_batch(
            [span for _, span in spans],
            None,
            block_size=BLOCK,
            dtype=self._model.dtype,
            rope=self._model.shape.rope,
        )
        logits = self._model.forward(batch, pages)
        return dict(zip([sequence for sequence, span in spans if span.wants_logits], logits, strict=True))

    def _choose(
        self,
        front: list[Sequence],
        logits: Tensor,
        drafts: Mapping[Sequence, list[int]],
        matchers: Mapping[Sequence, Matcher],
    ) -> list[int]:
        """With the random number that the expert will draw, too: where both see it alike, they choose alike."""
        rows = [row for row, sequence in enumerate(front) if sequence in matchers]
        if rows:
            forbidden, _ = self._grammars.forbidden([matchers[front[row]] for row in rows])
            logits[rows] = logits[rows].masked_fill(forbidden.to(logits.device), float("-inf"))
        draws = []
        for sequence in front:
            draw = sequence.draw()
            draws.append(Draw(draw.sampling, draw.seed, draw.position + len(drafts[sequence])))
        tokens: list[int] = choose(logits, draws)[0].tolist()
        return tokens
