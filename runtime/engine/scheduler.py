"""Which requests advance in a step, and by how many tokens.

Continuous batching: requests that decode go first, prompts fill the rest of the token budget in chunks, new requests
join while there are seats and blocks, in the order that `waiting` knows. When blocks run out, the last in rank (the
least urgent, of those the youngest) goes back to wait and is computed again later; what it sampled stays. So does one that
is less urgent than somebody without a seat. The first in rank always advances, so everything ends.
"""

from bisect import insort
from dataclasses import dataclass, field

from runtime.engine.cache import Cache
from runtime.engine.errors import RequestRefused
from runtime.engine.sequence import Sequence
from runtime.engine.waiting import Waiting, rank


@dataclass
class Plan:
    """One step: tokens to compute per request, those with a single token first, and what happens to blocks before."""

    counts: dict[Sequence, int] = field(default_factory=dict)
    copies: list[tuple[int, int]] = field(default_factory=list)  # from, to: in this order, and before the next
    fresh: list[int] = field(default_factory=list)  # newly given out
    held: bool = False  # somebody waits for another to make room, which nobody does in a step that runs ahead


class Scheduler:
    """The queue, the seats, and the blocks they hold."""

    def __init__(self, cache: Cache, *, max_batch: int, step_tokens: int) -> None:
        self.cache = cache
        self.max_batch, self.step_tokens = max_batch, max(step_tokens, max_batch)
        self.waiting = Waiting()
        self.running: list[Sequence] = []  # by rank
        self.preempted = 0
        self._arrivals = 0
        self._plan = Plan()  # the plan in the making, as are the next three
        self._budget = 0
        self._crowded = False
        self._ahead = False

    def check_width(self, width: int, tokens: int) -> None:
        """Refuses so many sequences of so many tokens that have to run side by side, if they never could."""
        blocks = width * -(-tokens // self.cache.block_size)
        if width > self.max_batch:
            raise RequestRefused(f"{width} beams are more than the {self.max_batch} sequences that run at once.")
        if blocks > self.cache.count - 1:
            raise RequestRefused(
                f"{width} beams of {tokens} tokens need {blocks} blocks of the cache; it has {self.cache.count - 1}.",
                hint="Ask for fewer beams, or for a shorter answer.",
            )

    def add(self, sequence: Sequence) -> None:
        """A new request."""
        self._arrivals += 1
        sequence.arrival = self._arrivals
        self.waiting.join(sequence)
        self.waiting.opened(sequence)

    def fork(self, parent: Sequence, child: Sequence) -> None:
        """A copy of a sequence: beside it if there is a seat, sharing its blocks, else at the head of the queue."""
        child.arrival = parent.arrival
        self.waiting.opened(child)
        if len(self.running) < self.max_batch and parent in self.running:
            child.table, child.keys = self.cache.fork(parent.table), list(parent.keys)
            child.computed = parent.computed
            insort(self.running, child, key=rank)
        else:
            child.forget()
            self.waiting.come_back(child)

    def remove(self, sequence: Sequence) -> None:
        """The request is over, wherever it stands."""
        self.waiting.closed(sequence)
        if sequence in self.running:
            self._unseat(sequence)
        else:
            self.waiting.leave(sequence)

    def plan(self, *, ahead: bool = False) -> Plan:
        """What the next step computes.

        `ahead`: the last step's tokens are not known yet. Nobody is sent back then, as others may be about to leave:
        who finds no block sits this step out.
        """
        self._plan, self._budget, self._crowded, self._ahead = Plan(), self.step_tokens, False, ahead
        ready: list[Sequence] = []
        longer: list[Sequence] = []
        for sequence in self.running:
            (ready if sequence.missing == 1 else longer).append(sequence)
        for sequence in ready + longer:
            if not self._crowded or sequence in self.running:
                self._grant(sequence)
        self._fill()
        while not ahead and not self._plan.counts and len(self.waiting) and self.running:
            # All who have a seat wait for companions who have none: the last of them makes room.
            self._preempt(self.running[-1])
            self._crowded = False
            self._fill()
        self._add_drafts(ready)
        counts = self._plan.counts
        if any(count > 1 for count in counts.values()):
            self._plan.counts = dict(sorted(counts.items(), key=lambda item: item[1] > 1))
        return self._plan

    def commit(self, sequence: Sequence, count: int) -> None:
        """`count` tokens of this request now have their keys and values in the cache."""
        sequence.computed += count
        self.waiting.serve(sequence, count)
        size = self.cache.block_size
        for place in range(len(sequence.keys), sequence.computed // size):
            before = sequence.keys[-1] if sequence.keys else sequence.root
            key = self.cache.key(before, sequence.tokens[place * size : (place + 1) * size])
            self.cache.seal(sequence.table[place], key)
            sequence.keys.append(key)

    def check(self) -> None:
        """Raises AssertionError unless every block is accounted for."""
        self.cache.check(sequence.table for sequence in self.running)
        assert not any(sequence.table for sequence in self.waiting), "a waiting request holds blocks"
        assert len(self.running) <= self.max_batch
        assert self.running == sorted(self.running, key=rank), "the seats are out of order"

    def _fill(self) -> None:
        """Seats for those who wait, while there are seats, blocks and tokens."""
        while self._budget > 0 and not self._crowded and (sequence := self.waiting.first()) is not None:
            if sequence.awaited:
                return  # an answer that forked off and found no seat: its beginning is not whole yet
            if len(self.running) < self.max_batch and self._admit(sequence):
                self._grant(sequence)
            elif self.running and self.running[-1].priority > sequence.priority:
                if self._ahead:
                    self._plan.held = True
                    return
                self._preempt(self.running[-1])
            else:
                return

    def _admit(self, sequence: Sequence) -> bool:
        """Gives one that waits a seat, if its whole text would find room."""
        blocks, keys = self.cache.match(sequence.tokens, sequence.root)
        needed = len(sequence.tokens) // self.cache.block_size + 1 - len(blocks)
        if needed > self.cache.available:
            self.cache.release(blocks)
            return False
        self.waiting.leave(sequence)
        insort(self.running, sequence, key=rank)
        sequence.table, sequence.keys = blocks, keys
        # The tokens of a soft prompt are computed already: what is not among the blocks, the runner copies in.
        sequence.computed = max(len(blocks) * self.cache.block_size, sequence.virtual)
        if not sequence.sampled:
            sequence.cached = sequence.computed - sequence.virtual
        return True

    def _grant(self, sequence: Sequence) -> None:
        """As many of its missing tokens as the budget and the blocks allow."""
        count = min(sequence.missing, self._budget)
        if count < 1:
            return
        size = self.cache.block_size
        place = sequence.computed // size
        if place < len(sequence.table) and self.cache.shared(sequence.table[place]):
            block = self._block_for(sequence)
            if block is None:
                return
            self._plan.copies.append((sequence.table[place], block))
            self.cache.release(sequence.table[place : place + 1])
            sequence.table[place] = block
        while len(sequence.table) < -(-(sequence.computed + count) // size):
            block = self._block_for(sequence)
            if block is None:
                return
            sequence.table.append(block)
            self._plan.fresh.append(block)
        self._plan.counts[sequence] = count
        self._budget -= count

    def _block_for(self, sequence: Sequence) -> int | None:
        """A block, if need be from whoever is last; None if that is the one who asks, or nobody may be asked."""
        while (block := self.cache.allocate()) is None:
            if self._ahead:
                self._plan.held = True
                return None
            last = self.running[-1]
            self._crowded = True
            self._preempt(last)
            if last is sequence:
                return None
        if block in self._plan.fresh:  # given out in this plan, and taken back: what becomes of it is decided anew
            self._plan.fresh.remove(block)
        return block

    def _add_drafts(self, ready: list[Sequence]) -> None:
        """Guessed tokens are checked with what is left over: tokens of the budget, and blocks that nobody misses."""
        size = self.cache.block_size
        for sequence in ready:
            if not sequence.draft:
                continue
            if sequence not in self._plan.counts:
                sequence.draft = []
                continue
            wanted = min(len(sequence.draft), self._budget)
            while len(sequence.table) < -(-(sequence.computed + 1 + wanted) // size):
                block = self.cache.allocate()
                if block is None:
                    wanted = len(sequence.table) * size - sequence.computed - 1
                    break
                if block in self._plan.fresh:
                    self._plan.fresh.remove(block)
                sequence.table.append(block)
                self._plan.fresh.append(block)
            sequence.draft = sequence.draft[:wanted]
            self._plan.counts[sequence] += wanted
            self._budget -= wanted

    def _preempt(self, sequence: Sequence) -> None:
        self._budget += self._plan.counts.pop(sequence, 0)
        self._unseat(sequence)
        self.waiting.come_back(sequence)
        self.preempted += 1

    def _unseat(self, sequence: Sequence) -> None:
        self.running.remove(sequence)
        self.cache.release(sequence.table)
        sequence.forget()
