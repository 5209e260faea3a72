"""One step of all requests: what is computed, what follows from it for each of them, and what is told.

What is wrong with one request (its logits, its grammar, memory for its tokens) ends that request; the others go on.

A step has three parts: the model's pass, the choice of the next tokens, and reading them. On a device that works beside the
host, the next step's pass is begun before this one's tokens are read, with the tokens as the device knows them: it *runs
ahead*. What reading them brings (stop strings, grammars, penalties, streaming) is done while the device computes, and the
next tokens are chosen after it. Who turns out to have ended was computed once in vain, and what it gets is thrown away.
"""

from dataclasses import dataclass

from torch import Tensor

from runtime.engine.choices import Choices, Pick
from runtime.engine.group import Group
from runtime.engine.runner import Computed, Runner, reason_of
from runtime.engine.scheduler import Scheduler
from runtime.engine.sequence import Event
from runtime.engine.sequence import Sequence as Running
from runtime.engine.speculation import Speculation


@dataclass(frozen=True)
class Flight:
    """Tokens that are chosen and not read."""

    rows: dict[Running, int]  # of the logits they were chosen from
    logits: Tensor
    choices: Choices


class Progress:
    """The requests that are open, by their ids."""

    def __init__(
        self, runner: Runner, scheduler: Scheduler, speculation: Speculation, *, run_ahead: bool = False
    ) -> None:
        self.open: dict[str, Group] = {}
        self._runner, self._scheduler, self._speculation = runner, scheduler, speculation
        self._run_ahead = run_ahead
        self._flights: list[Flight] = []
        self._held = False  # the last plan left somebody out, who gets room from a step that knows all tokens

    def begin(self, group: Group) -> None:
        """Takes a request in."""
        self.open[group.id] = group
        self._scheduler.add(group.open[0])

    def step(self) -> list[Event]:
        """One step on the device, and the news."""
        events: list[Event] = []
        flights, self._flights = self._flights, []
        if not flights:
            self._speculation.propose(self._scheduler.running)
            flights = self._advance(self._runner.compute(self._scheduler.plan()), events)
        computed = self._compute_ahead(flights)
        for flight in flights:
            events += self._read(flight)
        self._flights = self._advance(computed, events)
        return events

    def give_up(self, group: Group, reason: str, error: str | None = None) -> list[Event]:
        """The whole request ends."""
        for sequence in group.open:
            self._leave(sequence)
        return self._told(group, group.give_up(reason, error))

    def _compute_ahead(self, flights: list[Flight]) -> list[Computed]:
        """The pass of the step after these tokens, which nobody has read; nothing where it has to wait for them."""
        held, self._held = self._held, False
        if not self._run_ahead or held or len(flights) != 1 or any(map(self._waits, self._scheduler.running)):
            return []
        plan = self._scheduler.plan(ahead=True)
        self._held = plan.held
        return self._runner.compute(plan, flights[0].choices)

    def _waits(self, sequence: Running) -> bool:
        """Whether what it computes next depends on more than its last token: on the other beams, on what is guessed."""
        return self.open[sequence.id].beams is not None or self._speculation.wanted(sequence)

    def _advance(self, outcomes: list[Computed], events: list[Event]) -> list[Flight]:
        """What follows from a pass: it is accounted for, answers fork off, beams go on, and the next tokens are chosen.

        Who ended since it was begun, or was given up with another answer of its request, was computed in vain.
        """
        flights = []
        for computed in outcomes:
            if isinstance(computed.logits, str):
                for sequence in computed.counts:
                    events += self._give_up_with(sequence, computed.logits)
                continue
            for sequence, count in computed.counts.items():
                if self._lives(sequence):
                    self._scheduler.commit(sequence, min(count, sequence.missing))
            rows = self._forked(computed.rows, computed.logits, events)
            flights += self._choose(rows, computed.logits, events)
        return flights

    def _forked(self, rows: dict[Running, int], logits: Tensor, events: list[Event]) -> dict[Running, int]:
        """Whose next token is chosen, of which row: those computed, and what forks off; beams go on by themselves."""
        chosen: dict[Running, int] = {}
        beams: dict[Running, int] = {}
        for sequence, row in rows.items():
            if not self._lives(sequence):
                continue
            group = self.open[sequence.id]
            if group.beams is not None:
                beams[sequence] = row
                continue
            chosen[sequence] = row
            self._speculation.guessed += len(sequence.draft)
            try:
                for child in group.born(sequence):
                    self._scheduler.fork(sequence, child)
                    chosen[child] = row
            except Exception as error:  # a grammar's: it ends its own request
                events += self.give_up(group, "error", reason_of(error))
        if beams:
            events += self._advance_beams(list(beams), logits, list(beams.values()))
        return chosen

    def _choose(self, rows: dict[Running, int], logits: Tensor, events: list[Event]) -> list[Flight]:
        """The choice of the next tokens is begun; several flights where it failed for all at once."""
        front = [sequence for sequence in rows if self._lives(sequence)]
        if not front:
            return []
        flights = []
        for sequences, choices in self._runner.next_tokens(front, logits, [rows[each] for each in front]):
            if isinstance(choices, str):
                for sequence in sequences:
                    events += self._give_up_with(sequence, choices)
                continue
            for sequence in sequences:
                sequence.awaited = 1
            flights.append(Flight({sequence: rows[sequence] for sequence in sequences}, logits, choices))
        return flights

    def _read(self, flight: Flight) -> list[Event]:
        """The next token of each request, or as many as its draft had right, and what follows from them."""
        events: list[Event] = []
        guessed: dict[Running, int] = {}
        for (sequence, row), pick in zip(flight.rows.items(), flight.choices.read(), strict=True):
            sequence.awaited = 0
            if not self._lives(sequence):
                continue  # given up with another answer of its request, or cancelled
            if isinstance(pick, str):
                events += self._give_up_with(sequence, pick)
                continue
            alive = self.open[sequence.id]
            events += self._take(alive, sequence, pick)
            if sequence.draft and sequence in alive.open and sequence.draft.pop(0) == pick.token:
                self._speculation.right += 1
                self._scheduler.commit(sequence, 1)  # the guess was computed along with what came before it
                guessed[sequence] = row + 1
            else:
                sequence.draft = []
        for each in self._choose(guessed, flight.logits, events):
            events += self._read(each)
        return events

    def _give_up_with(self, sequence: Running, error: str) -> list[Event]:
        """Its request ends with it, unless that has ended before."""
        return self.give_up(self.open[sequence.id], "error", error) if self._lives(sequence) else []

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
        if not self.open:
            self._flights = []
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
