"""Who owns which block of the key-value cache: reference counts, forks, a prefix cache keyed by content, eviction.

A full block is known by a key over the adapter's content and every token up to its end. Keys and values depend on both,
so an expert that is loaded again under the same name but with other weights can never be served the old ones. Blocks
nobody holds stay readable until their memory is wanted, the longest unused first, and those that somebody keeps for a
text that goes on (a session) after all others. Only numbers live here; the memory itself is `pages`.
"""

import hashlib
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence

NULL = 0


class Cache:
    """The accounts of `count` blocks, of which block 0 belongs to nobody."""

    def __init__(self, count: int, block_size: int) -> None:
        if count < 2 or block_size < 1:
            raise ValueError("a cache needs at least one block besides the null block")
        self.count, self.block_size = count, block_size
        self._blank = list(range(count - 1, NULL, -1))
        self._references = [0] * count
        self._idle: dict[int, None] = {}  # known content, nobody's; in order of last use
        self._spared: dict[int, None] = {}  # the same, where somebody keeps it
        self._keepers: dict[str, list[bytes]] = {}  # who keeps which content; who did so longest ago first
        self._kept: Counter[bytes] = Counter()
        self._key_of: dict[int, bytes] = {}
        self._block_of: dict[bytes, int] = {}

    @property
    def available(self) -> int:
        """Blocks that `allocate` can still give."""
        return len(self._blank) + len(self._idle) + len(self._spared)

    @property
    def capacity(self) -> int:
        """Tokens that one request alone could keep."""
        return (self.count - 1) * self.block_size

    def root(self, content: str) -> bytes:
        """The key before the first block: what besides the tokens decides keys and values."""
        return hashlib.blake2b(content.encode(), digest_size=16).digest()

    def key(self, before: bytes, tokens: Sequence[int]) -> bytes:
        """The key of the block that holds `tokens` after everything `before` stands for."""
        return hashlib.blake2b(before + array("q", tokens).tobytes(), digest_size=16).digest()

    def match(self, tokens: Sequence[int], root: bytes) -> tuple[list[int], list[bytes]]:
        """Blocks that hold the beginning of `tokens`, now referenced, with their keys; never all of the tokens."""
        blocks: list[int] = []
        keys: list[bytes] = []
        for start in range(0, len(tokens) - self.block_size, self.block_size):
            key = self.key(keys[-1] if keys else root, tokens[start : start + self.block_size])
            block = self._block_of.get(key)
            if block is None:
                break
            self._references[block] += 1
            self._idle.pop(block, None)
            self._spared.pop(block, None)
            blocks.append(block)
            keys.append(key)
        return blocks, keys

    def allocate(self) -> int | None:
        """A block to write into; what it held before is forgotten. None if all are in use."""
        if self._blank:
            block = self._blank.pop()
        elif idle := self._idle or self._spared:
            block = next(iter(idle))
            del idle[block]
            del self._block_of[self._key_of.pop(block)]
        else:
            return None
        self._references[block] = 1
        return block

    def fork(self, table: Sequence[int]) -> list[int]:
        """The same blocks for one more holder. Who wants to write into one of them copies it first: see `shared`."""
        for block in table:
            self._references[block] += 1
        return list(table)

    def shared(self, block: int) -> bool:
        """Whether somebody else reads this block, too."""
        return self._references[block] > 1

    def seal(self, block: int, key: bytes) -> None:
        """The block is full and computed: others with the same beginning may read it from now on."""
        if key not in self._block_of:
            self._block_of[key] = block
            self._key_of[block] = key

    def release(self, table: Sequence[int]) -> None:
        """Gives up one reference to each block, the last of the text first: beginnings are worth more."""
        for block in reversed(table):
            self._references[block] -= 1
            if not self._references[block]:
                if block not in self._key_of:
                    self._blank.append(block)
                elif self._key_of[block] in self._kept:
                    self._spared[block] = None
                else:
                    self._idle[block] = None

    def keep(self, who: str, tokens: Sequence[int], root: bytes) -> None:
        """What is known of this text's beginning goes last when memory is wanted, in place of what `who` kept before.

        That is half of the blocks at most: who kept something longest ago gives it up.
        """
        self.let_go(who)
        most = self.count // 2
        keys: list[bytes] = []
        for start in range(0, min(len(tokens) // self.block_size, most) * self.block_size, self.block_size):
            key = self.key(keys[-1] if keys else root, tokens[start : start + self.block_size])
            if key not in self._block_of:
                break
            keys.append(key)
        self._keepers[who] = keys
        self._kept.update(keys)
        self._move(reversed(keys), self._idle, self._spared)
        while len(self._kept) > most:
            self.let_go(next(iter(self._keepers)))

    def let_go(self, who: str) -> None:
        """What `who` keeps is like all else again."""
        keys = self._keepers.pop(who, [])
        self._kept.subtract(keys)
        gone = [key for key in reversed(keys) if not self._kept[key]]
        for key in gone:
            del self._kept[key]
        self._move(gone, self._spared, self._idle)

    def _move(self, keys: Iterable[bytes], source: dict[int, None], target: dict[int, None]) -> None:
        for key in keys:
            block = self._block_of.get(key)
            if block in source:
                del source[block]
                target[block] = None

    def forget(self) -> None:
        """Drops the known content of every block nobody holds."""
        for block in (*self._idle, *self._spared):
            del self._block_of[self._key_of.pop(block)]
            self._blank.append(block)
        self._idle.clear()
        self._spared.clear()

    def check(self, tables: Iterable[Sequence[int]]) -> None:
        """Raises AssertionError unless these tables explain every block."""
        held = [0] * self.count
        for table in tables:
            for block in table:
                held[block] += 1
        assert held == self._references, "reference counts differ from the tables"
        assert not held[NULL], "the null block has an owner"
        used = {block for block in range(self.count) if held[block]}
        blank, idle = set(self._blank), {*self._idle, *self._spared}
        assert len(blank) == len(self._blank), "a block is blank twice"
        assert not used & blank and not used & idle and not blank & idle, "a block has two states"
        assert used | blank | idle == set(range(1, self.count)), "a block is lost"
        assert len(idle) == len(self._idle) + len(self._spared), "an idle block is kept and is not"
        assert all(self._key_of[block] in self._kept for block in self._spared), "a block is spared for nobody"
        assert not any(self._key_of[block] in self._kept for block in self._idle), "a block that is kept is not spared"
        assert self._kept == Counter(key for keys in self._keepers.values() for key in keys), "keepers are miscounted"
        assert not blank & self._key_of.keys(), "a blank block has known content"
        assert idle <= self._key_of.keys(), "an idle block has no known content"
        assert self._block_of == {key: block for block, key in self._key_of.items()}, "keys and blocks disagree"
