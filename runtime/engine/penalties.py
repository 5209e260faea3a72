"""What is done to logits before a token is chosen: repetition, presence and frequency penalties, and logit bias.

Repetition counts prompt and answer, as in transformers; presence and frequency count the answer alone, as vLLM does.
They come in that order, then the bias, then a grammar: a bias of 100 forces a token, one of -100 rules it out, whatever
was said before; a grammar has the last word.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from runtime.engine.transfer import send

if TYPE_CHECKING:
    from runtime.engine.sampler import Sampling


@dataclass
class History:
    """What one request's penalties have to know. Grows with the answer."""

    rules: "Sampling"
    seen: Tensor | None = None  # [vocabulary] bool: tokens of prompt and answer
    counts: dict[int, int] = field(default_factory=dict)  # tokens of the answer

    @classmethod
    def of(cls, rules: "Sampling", prompt: Sequence[int], vocabulary: int) -> "History | None":
        """None where the rules change no logit."""
        if not (rules.repetition_penalty != 1.0 or rules.counts or rules.logit_bias):
            return None
        seen = None
        if rules.repetition_penalty != 1.0:
            seen = torch.zeros(vocabulary, dtype=torch.bool)
            seen[torch.tensor(prompt)] = True
        return cls(rules, seen)

    def add(self, token: int) -> None:
        if self.seen is not None:
            self.seen[token] = True
        if self.rules.counts:
            self.counts[token] = self.counts.get(token, 0) + 1

    def fork(self) -> "History":
        return History(self.rules, None if self.seen is None else self.seen.clone(), dict(self.counts))


def penalise(logits: Tensor, histories: Sequence[History | None]) -> None:
    """Each row by its own history, in place. Rows without one are not touched."""
    known = [(row, history) for row, history in enumerate(histories) if history is not None]
    if not known:
        return
    _repetition(logits, [(row, history) for row, history in known if history.seen is not None])
    _add(
        logits,
        [
            (row, token, -history.rules.frequency_penalty * count - history.rules.presence_penalty)
            for row, history in known
            for token, count in history.counts.items()
        ],
    )
    _add(logits, [(row, token, bias) for row, history in known for token, bias in history.rules.logit_bias])


def _repetition(logits: Tensor, known: Sequence[tuple[int, History]]) -> None:
    if not known:
        return
    device = logits.device
    at = send([row for row, _ in known], device)
    seen = send(torch.stack([history.seen for _, history in known]), device)  # type: ignore[misc]
    penalty = send([history.rules.repetition_penalty for _, history in known], device, logits.dtype)[:, None]
    some = logits.index_select(0, at)
    logits.index_copy_(0, at, torch.where(seen, torch.where(some > 0, some / penalty, some * penalty), some))


def _add(logits: Tensor, changes: Sequence[tuple[int, int, float]]) -> None:
    """No place comes twice, so the order of adding cannot matter."""
    if not changes:
        return
    rows, tokens, deltas = zip(*changes, strict=True)
    places = (send(rows, logits.device), send(tokens, logits.device))
    logits.index_put_(places, send(deltas, logits.device, logits.dtype), accumulate=True)
