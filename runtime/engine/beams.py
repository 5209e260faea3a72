"""Beam search: the likeliest whole answers, found by following the `width` likeliest beginnings side by side.

Scores, early stopping and the order of things are those of transformers: each step looks at the best continuations of all
beams, keeps the unfinished ones, and takes a finished one as a hypothesis if it is among the first `width`. Penalties and
grammars apply to log-probabilities. A beam is a sequence like any other, and may be preempted; the search goes on when
all of its beams have been computed.
"""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from runtime.engine.logprobs import Likelihood
from runtime.engine.sequence import Request, Result, Sequence


@dataclass(frozen=True)
class Step:
    """What follows from one step: who goes on with which token, at which score; the others are given up."""

    kept: list[tuple[Sequence, int, float]]
    over: bool


class Beams:
    """The search of one request."""

    def __init__(self, request: Request, first: Sequence) -> None:
        assert request.beams is not None
        self._rules, self._request = request.beams, request
        self._scores: dict[Sequence, float] = {first: 0.0}
        self._parked: dict[Sequence, Tensor] = {}  # log-probabilities of the next token
        self._told: dict[Sequence, Tensor] = {}  # the same before penalties and grammar
        self._found: list[Result] = []  # the best hypotheses, the first first
        self._named = 0

    def park(self, sequence: Sequence, told: Tensor, chances: Tensor) -> bool:
        """One beam is computed; whether all are."""
        if self._rules.no_repeat is not None:
            again = repeating(sequence.tokens[sequence.prompt :], self._rules.no_repeat)
            chances = chances.index_fill(0, torch.tensor(again, device=chances.device, dtype=torch.int64), -math.inf)
        self._told[sequence], self._parked[sequence] = told, chances
        return self._parked.keys() == self._scores.keys()

    def number(self) -> int:
        """A number for one more sequence."""
        self._named += 1
        return self._named

    def step(self) -> Step:
        """The best continuations of all beams."""
        beams = list(self._scores)
        sums = torch.stack([self._parked[beam] + self._scores[beam] for beam in beams])
        vocabulary = sums.shape[1]
        width = self._rules.width
        values, places = sums.flatten().topk(min(max(2, 1 + len(beams[0].ends)) * width, sums.numel()))
        done = len(beams[0].tokens) + 1 - beams[0].prompt  # tokens of every answer after this step
        last = len(beams[0].tokens) + 1 >= beams[0].limit
        open_ = not (self._rules.early_stopping is True and len(self._found) >= width)
        kept: list[tuple[Sequence, int, float]] = []
        for order, (score, place) in enumerate(zip(values.tolist(), places.tolist(), strict=True)):
            beam, token = beams[place // vocabulary], place % vocabulary
            if not math.isfinite(score):
                break  # a grammar left no more
            reason = self._ends(beam, token, last)
            if reason is None:
                kept += [(beam, token, score)] if len(kept) < width else []
            elif order < width and open_:
                self._keep(beam, token, score / done**self._rules.length_penalty, reason)
        return Step(kept, not kept or self._decided(kept[0][2], done, beams[0]))

    def go_on(self, scores: dict[Sequence, float]) -> None:
        """The beams of the next step."""
        self._scores = scores
        self._parked.clear()
        self._told.clear()

    def likelihood(self, beam: Sequence, token: int) -> Likelihood | None:
        if beam.wants_logprobs is None:
            return None
        told = self._told[beam]
        values, ids = told.topk(beam.wants_logprobs)
        return Likelihood(token, float(told[token]), tuple(zip(ids.tolist(), values.tolist(), strict=True)))

    def results(self) -> list[Result]:
        """The best hypotheses; every sequence that was tried counts into no one's usage."""
        return self._found[: self._request.n]

    def _ends(self, beam: Sequence, token: int, last: bool) -> str | None:
        """Why a beam is whole with this token; None if it is not."""
        if token in beam.ends or beam.would_stop(token):
            return "stop"
        if beam.matcher is not None and beam.matcher.ends_with(token):
            return "stop"
        return "length" if last else None

    def _keep(self, beam: Sequence, token: int, score: float, reason: str) -> None:
        """A hypothesis, if it is among the best."""
        if len(self._found) >= self._rules.width and score <= (self._found[-1].score or 0.0):
            return
        whole = beam.fork(beam.number)
        if token in whole.ends:
            whole.sampled += 1
            whole.close()
        elif not whole.take(token, self.likelihood(beam, token))[1]:
            whole.close()
        self._found.append(replace(whole.result(reason), score=score))
        self._found.sort(key=lambda result: -(result.score or 0.0))
        del self._found[self._rules.width :]

    def _decided(self, best: float, done: int, beam: Sequence) -> bool:
        """Whether going on is held to be in vain, by the rule that transformers has for it."""
        if len(self._found) < self._rules.width:
            return False
        if self._rules.early_stopping is True:
            return True
        longest = self._rules.early_stopping == "never" and self._rules.length_penalty > 0
        length = beam.limit - beam.prompt if longest else done
        reachable: float = best / float(length) ** self._rules.length_penalty
        return reachable <= (self._found[-1].score or 0.0)


def repeating(tokens: list[int], length: int) -> list[int]:
    """The tokens that would say once more what was said before, so many tokens in a row."""
    last = tokens[len(tokens) + 1 - length :] if length > 1 else []
    begins = range(len(tokens) - len(last))
    return sorted({tokens[place + len(last)] for place in begins if tokens[place : place + len(last)] == last})
