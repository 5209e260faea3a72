"""Who waits for a seat, and who is next: urgent requests first, then those that had begun, then the expert least served.

Fair between experts: tokens computed are counted for each of them, and among new requests of one priority the next comes
from the expert with the fewest. An expert that was away starts no lower than the least served of those that were not:
being away earns nothing. Within one expert, first come, first served.
"""

from bisect import insort
from collections import Counter, deque
from collections.abc import Iterator

from runtime.engine.sequence import Sequence


def rank(sequence: Sequence) -> tuple[int, int, int]:
    """Who goes before whom, once both have begun."""
    return sequence.priority, sequence.arrival, sequence.number


class Waiting:
    """The requests without a seat."""

    def __init__(self) -> None:
        self._begun: list[Sequence] = []  # by rank; each had a seat before, or is a fork of one that has
        self._new: dict[int, dict[str, deque[Sequence]]] = {}  # priority -> expert -> the line
        self._served: Counter[str] = Counter()
        self._open: Counter[str] = Counter()  # requests of each expert, waiting and running

    def __iter__(self) -> Iterator[Sequence]:
        yield from self._begun
        for lines in self._new.values():
            for line in lines.values():
                yield from line

    def __len__(self) -> int:
        return len(self._begun) + sum(len(line) for lines in self._new.values() for line in lines.values())

    def join(self, sequence: Sequence) -> None:
        """A new request, at the end of its expert's line."""
        if not self._open[sequence.expert]:
            others = [self._served[expert] for expert, count in self._open.items() if count]
            self._served[sequence.expert] = max(self._served[sequence.expert], min(others, default=0))
        self._new.setdefault(sequence.priority, {}).setdefault(sequence.expert, deque()).append(sequence)

    def come_back(self, sequence: Sequence) -> None:
        """One that has begun waits for a seat again."""
        insort(self._begun, sequence, key=rank)

    def first(self) -> Sequence | None:
        """Who is next."""
        if not self._new or (self._begun and self._begun[0].priority <= min(self._new)):
            return self._begun[0] if self._begun else None
        lines = self._new[min(self._new)]
        expert = min(lines, key=lambda expert: (self._served[expert], lines[expert][0].arrival))
        return lines[expert][0]

    def leave(self, sequence: Sequence) -> None:
        """It has a seat, or is over."""
        if sequence in self._begun:
            self._begun.remove(sequence)
            return
        lines = self._new[sequence.priority]
        lines[sequence.expert].remove(sequence)
        if not lines[sequence.expert]:
            del lines[sequence.expert]
        if not lines:
            del self._new[sequence.priority]

    def opened(self, sequence: Sequence) -> None:
        self._open[sequence.expert] += 1

    def closed(self, sequence: Sequence) -> None:
        self._open[sequence.expert] -= 1
        if not any(self._open.values()):  # everybody is away: the accounts start anew
            self._open.clear()
            self._served.clear()

    def serve(self, sequence: Sequence, tokens: int) -> None:
        """So many tokens were computed for it."""
        self._served[sequence.expert] += tokens
