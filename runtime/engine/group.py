"""One request and the sequences that run for it: one, several answers to one prompt, or beams.

The prompt is computed once; when it is, the other answers fork off and share its blocks. Which news of it all is told:
tokens as they come, or, where only the best of several answers are wanted, those answers in the end.
"""

from dataclasses import replace

from runtime.engine.beams import Beams
from runtime.engine.sequence import Event, Request, Result, Sequence


class Group:
    """The sequences of one request."""

    def __init__(self, request: Request, first: Sequence) -> None:
        self.id, self.request = request.id, request
        self.open = [first]
        self.beams = Beams(request, first) if request.beams is not None else None
        self._width = request.best_of or request.n
        self._unborn = list(range(1, self._width)) if self.beams is None else []
        self._whole: list[Result] = []

    @property
    def quiet(self) -> bool:
        """Whether nothing is told before the end."""
        return self.beams is not None or self._width > self.request.n

    def born(self, first: Sequence) -> list[Sequence]:
        """The other answers, forked off where the prompt is computed and nothing is sampled yet. Once."""
        numbers, self._unborn = self._unborn, []
        children = [first.fork(number) for number in numbers]
        self.open += children
        return children

    def end(self, sequence: Sequence, reason: str, error: str | None = None) -> list[Event]:
        """One answer is whole."""
        self.open.remove(sequence)
        if not self.quiet:
            result = sequence.result(reason, error)
            return [Event(self.id, result=result, choice=sequence.number, over=not self.open)]
        chances = [each.logprob for each in sequence.logprobs]
        self._whole.append(sequence.result(reason, error, sum(chances) / max(len(chances), 1)))
        return [] if self.open else self._best(self._whole)

    def end_beams(self) -> list[Event]:
        """The search is over: its best hypotheses."""
        results = self.beams.results() if self.beams is not None else []
        if not results:
            return self.give_up("error", "no beam came to an end.")
        self.open.clear()
        return self._best(results)

    def give_up(self, reason: str, error: str | None = None) -> list[Event]:
        """All that still runs ends here, and says why."""
        ended, self.open = self.open, []
        if self.quiet:
            ended = ended[:1]
        events = [
            Event(self.id, result=each.result(reason, error), choice=0 if self.quiet else each.number) for each in ended
        ]
        return [*events[:-1], *(replace(event, over=True) for event in events[-1:])]

    def _best(self, results: list[Result]) -> list[Event]:
        best = sorted(results, key=lambda result: -(result.score or 0.0))[: self.request.n]
        return [
            Event(self.id, None, result.text, result, choice, over=choice + 1 == len(best))
            for choice, result in enumerate(best)
        ]
