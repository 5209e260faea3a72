"""What followed the last time: the text so far is searched for its own last few tokens. Costs next to nothing.

Answers that repeat much of their prompt (repaired JSON, names of tables) are guessed well, others not at all.
"""

from collections.abc import Mapping

from runtime.engine.sequence import Sequence

LONGEST, SHORTEST = 4, 2


class Lookup:
    """Where each few tokens of one text were last followed by something."""

    def __init__(self) -> None:
        self._after: dict[tuple[int, ...], int] = {}
        self._known = 0

    def guess(self, tokens: list[int], most: int) -> list[int]:
        """What may follow; longer matches are trusted first."""
        for end in range(self._known, len(tokens)):
            for size in range(SHORTEST, min(LONGEST, end) + 1):
                self._after[tuple(tokens[end - size : end])] = end
        self._known = len(tokens)
        for size in range(min(LONGEST, len(tokens)), SHORTEST - 1, -1):
            place = self._after.get(tuple(tokens[-size:]))
            if place is not None:
                guess = tokens[place : place + most]
                while len(guess) < most:  # what follows is the guess itself: a text that goes round and round
                    guess.append(guess[place + len(guess) - len(tokens)])
                return guess
        return []


class Ngram:
    """One lookup for each request."""

    def __init__(self) -> None:
        self._lookups: dict[Sequence, Lookup] = {}

    def forget(self, sequence: Sequence) -> None:
        self._lookups.pop(sequence, None)

    def guess(self, wanted: Mapping[Sequence, int]) -> dict[Sequence, list[int]]:
        return {
            sequence: self._lookups.setdefault(sequence, Lookup()).guess(sequence.tokens, most)
            for sequence, most in wanted.items()
        }
