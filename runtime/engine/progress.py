"""One step of all requests: what is computed, what follows from it for each of them, and what is told.

What is wrong with one request (its logits, its grammar, memory for its tokens) ends that request; the others go on.
"""

from torch import Tensor

from runtime.engine.group import Group
from runtime.engine.runner import Pick, Runner, reason_of
from runtime.engine.scheduler import Scheduler
from runtime.engine.sequence import Event
from runtime.engine.sequence import Sequence as Running
from runtime.engine.speculation import Speculation


class Progress:
    """The requests that are open, by their ids."""

    def __init__(self, runner: Runner, scheduler: Scheduler, speculation: Speculation) -> None:
        self.open: dict[str, Group] = {}
        self._runner, self._scheduler, self._speculation = runner, scheduler, speculation

    def begin(self, group: Group) -> None:
        """Takes a request in."""
        self.open[group.id] = group
        self._scheduler.add(group.open[0])

    def step(self) -> list[Event]:
        """One step on the device, and the news."""
        events: list[Event] = []
        self._speculation.propose(self._scheduler.running)
        for counts, outcome in self._runner.compute(self._scheduler.plan()):
            if isinstance(outcome, str):
                for sequence in counts:
                    if sequence.id in self.open:  # not yet given up with another of its sequences
                        events += self.give_up(self.open[sequence.id], "error", outcome)
                continue
            if not all(self._lives(sequence) for sequence in counts):
                continue  # computed by itself after a failure, and given up meanwhile with another answer of its request
            for sequence, count in counts.items():
                self._scheduler.commit(sequence, min(count, sequence.missing))
            events += self._advance([each for each in counts if not each.missing], outcome)
        return events

    def give_up(self, group: Group, reason: str, error: str | None = None) -> list[Event]:
        """The whole request ends."""
        for sequence in group.open:
            self._leave(sequence)
        return self._told(group, group.give_up(reason, error))

    def _advance(self, ready: list[Running], logits: Tensor) -> list[Event]:
        """The next token of each request, or as many as its draft had right, and what follows from them."""
        rows: dict[Running, int] = {}
        beams: list[Running] = []
        events: list[Event] = []
        at = 0
        for sequence in ready:
            group = self.open[sequence.id]
            if group.beams is not None:
                beams.append(sequence)
            rows[sequence] = at
            at += 1 + len(sequence.draft)
            self._speculation.guessed += len(sequence.draft)
            try:
                for child in group.born(sequence):
                    self._scheduler.fork(sequence, child)
                    rows[child] = rows[sequence]
            except Exception as error:  # a grammar's: it ends its own request
                events += self.give_up(group, "error", reason_of(error))
        events += self._advance_beams(beams, logits, [rows.pop(each) for each in beams]) if beams else []
        while rows:
            front = list(rows)
            picks = self._runner.next_tokens(front, logits, list(rows.values()))
            for sequence, pick in zip(front, picks, strict=True):
                row = rows.pop(sequence)
                if not self._lives(sequence):
                    continue  # given up with another answer of its request
                alive = self.open[sequence.id]
                if isinstance(pick, str):
                    events += self.give_up(alive, "error", pick)
                    continue
                events += self._take(alive, sequence, pick)
                if sequence.draft and sequence in alive.open and sequence.draft.pop(0) == pick.token:
                    self._speculation.right += 1
                    self._scheduler.commit(sequence, 1)  # the guess was computed along with what came before it
                    rows[sequence] = row + 1
                else:
                    sequence.draft = []
        return events

    def _lives(self, sequence: Running) -> bool:
        group = self.open.get(sequence.id)
        return group is not None and sequence in group.open

    def _take(self, group: Group, sequence: Running, pick: Pick) -> list[Event]:
        token = pick.token
        if token in sequence.ends:
            sequence.sampled += 1
            return self._end(group, sequence, "stop")
        text, stopped = sequence.take(token, pick.logprob)
        events = []
        if not group.quiet:
            events.append(Event(group.id, token, text, choice=sequence.number, logprob=pick.logprob))
        try:
            if sequence.accepts_no_more(token) or stopped:
                return events + self._end(group, sequence, "stop", stopped=stopped)
        except Exception as refusal:  # a grammar's: it ends its own request
            return events + self.give_up(group, "error", reason_of(refusal))
        if len(sequence.tokens) >= sequence.limit:
            return events + self._end(group, sequence, "length")
        return events

    def _end(self, group: Group, sequence: Running, reason: str, *, stopped: bool = False) -> list[Event]:
        """The last text, if any was held back, and the result."""
        text = "" if stopped else sequence.close()
        tail = [Event(group.id, None, text, choice=sequence.number)] if text and not group.quiet else []
        self._leave(sequence)
        return self._told(group, [*tail, *group.end(sequence, reason)])

    def _leave(self, sequence: Running) -> None:
        self._scheduler.remove(sequence)
        self._speculation.forget(sequence)

    def _told(self, group: Group, events: list[Event]) -> list[Event]:
        if not group.open:
            del self.open[group.id]
        return events

    def _advance_beams(self, sequences: list[Running], logits: Tensor, rows: list[int]) -> list[Event]:
        """The searches whose beams are now all computed go on."""
        events: list[Event] = []
        complete: list[Group] = []
        outcomes = self._runner.log_probabilities(sequences, logits, rows)
        for sequence, outcome in zip(sequences, outcomes, strict=True):
            group = self.open.get(sequence.id)
            if group is None or group.beams is None:
                continue
            if isinstance(outcome, str):
                events += self.give_up(group, "error", outcome)
            elif group.beams.park(sequence, *outcome):
                complete.append(group)
        for group in complete:
            if group.id in self.open:
                try:
                    events += self._go_on(group)
                except Exception as error:  # a grammar's: it ends its own request
                    events += self.give_up(group, "error", reason_of(error))
        return events

    def _go_on(self, group: Group) -> list[Event]:
        beams = group.beams
        assert beams is not None
        step = beams.step()
        parents = {beam for beam, _, _ in step.kept}
        for beam in [each for each in group.open if step.over or each not in parents]:
            self._leave(beam)
            if not step.over:
                group.open.remove(beam)
        if step.over:
            return self._told(group, group.end_beams())
        children = []
        for beam, token, score in step.kept:
            child = beam
            if beam in parents:
                parents.remove(beam)  # its first continuation goes on in its place
            else:
                child = beam.fork(beams.number())
                group.open.append(child)
                self._scheduler.fork(beam, child)
            children.append((child, token, score, beams.likelihood(beam, token)))
        for child, token, _, logprob in children:
            child.take(token, logprob)
            child.accepts_no_more(token)
        beams.go_on({child: score for child, _, score, _ in children})
        return []
