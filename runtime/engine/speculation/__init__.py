"""Guesses at the next tokens of a request, so that one pass of the model can check several instead of finding one.

A guess never changes an answer: at each place the token is chosen as it would have been without (its own logits, its own
random number, its own grammar), and the guesses that follow a wrong one are thrown away. What a guess costs is the pass
over its tokens; whether that pays depends on how often it is right, and on how full the batch is.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from runtime.engine.sequence import Sequence

# Tokens guessed at once. Over 20 answers of expert-json on nano, looked up with these: 2.06 tokens a pass; with no less
# than 1 in place of 4, 1.79; beginning with 8 and no fewer, 2.15, with 43 % more guesses to compute.
LEAST, MOST = 4, 16


class Drafter(Protocol):
    """A way to guess."""

    def guess(self, wanted: Mapping[Sequence, int]) -> dict[Sequence, list[int]]:
        """Up to so many tokens for each."""
        ...

    def forget(self, sequence: Sequence) -> None:
        """It is over; it may never have been guessed for."""
        ...


@dataclass
class Pace:
    """How many tokens are guessed for one request: more while guesses are right, fewer when they are not."""

    most: int = LEAST
    length: int = 0  # of the text when the last guess was made
    guessed: int = 0

    def next(self, tokens: int) -> int:
        if self.guessed:
            right = tokens - self.length - 1
            self.most = min(2 * self.most, MOST) if right >= self.guessed else max(right + 1, LEAST)
        return self.most


@dataclass
class Speculation:
    """Guesses for the requests that want them."""

    default: str
    drafters: Mapping[str, Drafter]
    guessed: int = 0
    right: int = 0
    _paces: dict[Sequence, Pace] = field(default_factory=dict)

    def wanted(self, sequence: Sequence) -> bool:
        """Whether this request is guessed for."""
        return (sequence.speculate or self.default) != "none"

    def forget(self, sequence: Sequence) -> None:
        """It is over."""
        if self._paces.pop(sequence, None) is not None:
            for drafter in self.drafters.values():
                drafter.forget(sequence)

    def propose(self, running: Iterable[Sequence]) -> None:
        """Gives a draft to each request that is about to choose a token and wants one."""
        wanted: dict[str, dict[Sequence, int]] = {}
        for sequence in running:
            kind = sequence.speculate or self.default
            # Before the first token other answers may fork off, and their blocks should hold nothing but the prompt.
            if kind == "none" or sequence.missing != 1 or not sequence.sampled:
                continue
            pace = self._paces.setdefault(sequence, Pace())
            room = sequence.limit - len(sequence.tokens) - 1
            count = min(pace.next(len(sequence.tokens)), room)
            pace.length, pace.guessed = len(sequence.tokens), 0
            if count > 0:
                wanted.setdefault(kind, {})[sequence] = count
        for kind, counts in wanted.items():
            try:
                drafts = self.drafters[kind].guess(counts)
                for sequence, draft in drafts.items():
                    if sequence.matcher is not None and draft:
                        drafts[sequence] = draft[: sequence.matcher.leading(draft)]
            except (
                Exception
            ):  # memory, a grammar: who cannot guess goes on without, and meets what it was where it counts
                drafts = {}
                for sequence in counts:
                    self.drafters[kind].forget(sequence)
            for sequence, draft in drafts.items():
                sequence.draft = draft
                self._paces[sequence].guessed = len(draft)
