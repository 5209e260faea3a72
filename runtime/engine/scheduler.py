"""Which requests advance in a step, and by how many tokens.

Continuous batching: requests that decode go first, prompts fill the rest of the token budget in chunks, new requests
join while there are seats and blocks. When blocks run out the youngest request goes back to the queue and is computed
again later; what it sampled stays. The oldest always advances, so everything ends.
"""

from collections import deque

from runtime.engine.cache import Cache
from runtime.engine.sequence import Sequence


class Scheduler:
    """The queue, the seats, and the blocks they hold."""

    def __init__(self, cache: Cache, *, max_batch: int, step_tokens: int) -> None:
        self.cache = cache
        self.max_batch, self.step_tokens = max_batch, max(step_tokens, max_batch)
        self.waiting: deque[Sequence] = deque()
        self.running: list[Sequence] = []  # the oldest first
        self.preempted = 0
        self._counts: dict[Sequence, int] = {}  # of the plan in the making, as are the next two
        self._fresh: list[int] = []
        self._budget = 0

    def add(self, sequence: Sequence) -> None:
        self.waiting.append(sequence)

    def remove(self, sequence: Sequence) -> None:
        """The request is over, wherever it stands."""
        if sequence in self.running:
            self.running.remove(sequence)
            self.cache.release(sequence.table)
            sequence.forget()
        else:
            self.waiting.remove(sequence)

    def plan(self) -> tuple[dict[Sequence, int], list[int]]:
        """Tokens to compute per request, those with a single token first; and the blocks newly given out."""
        self._counts, self._fresh, self._budget = {}, [], self.step_tokens
        crowded = self.preempted
        ready: list[Sequence] = []
        longer: list[Sequence] = []
        for sequence in self.running:
            (ready if sequence.missing == 1 else longer).append(sequence)
        for sequence in ready + longer:
            if self.preempted == crowded or sequence in self.running:
                self._grant(sequence)
        while (
            self.waiting
            and self.preempted == crowded
            and self._budget > 0
            and len(self.running) < self.max_batch
            and self._admit(self.waiting[0])
        ):
            self._grant(self.running[-1])
        counts = self._counts
        if any(count > 1 for count in counts.values()):
            counts = dict(sorted(counts.items(), key=lambda item: item[1] > 1))
        return counts, self._fresh

    def commit(self, sequence: Sequence, count: int) -> None:
        """`count` tokens of this request now have their keys and values in the cache."""
        sequence.computed += count
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

    def _admit(self, sequence: Sequence) -> bool:
        """Gives the first in the queue a seat, if its whole text would find room."""
        blocks, keys = self.cache.match(sequence.tokens, sequence.root)
        needed = len(sequence.tokens) // self.cache.block_size + 1 - len(blocks)
        if needed > self.cache.available:
            self.cache.release(blocks)
            return False
        self.waiting.popleft()
        self.running.append(sequence)
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
        needed = -(-(sequence.computed + count) // self.cache.block_size)
        while len(sequence.table) < needed:
            block = self.cache.allocate()
            if block is not None:
                sequence.table.append(block)
                self._fresh.append(block)
                continue
            youngest = self.running[-1]
            self._preempt(youngest)
            if youngest is sequence:
                return
        self._counts[sequence] = count
        self._budget -= count

    def _preempt(self, sequence: Sequence) -> None:
        self._budget += self._counts.pop(sequence, 0)
        self.running.remove(sequence)
        self.cache.release(sequence.table)
        sequence.forget()
        self.waiting.appendleft(sequence)
        self.preempted += 1
