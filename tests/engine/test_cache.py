"""Blocks: no one is lost, none has two owners, and only equal beginnings under equal adapters are shared."""

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from runtime.engine.cache import Cache

SIZE = 4


class Accounts(RuleBasedStateMachine):
    """Random sequences come, grow, finish blocks and go; the accounts must always add up."""

    @initialize(count=st.integers(2, 9))
    def begin(self, count: int) -> None:
        self.cache = Cache(count, SIZE)
        self.live: list[tuple[list[int], list[bytes], list[int], bytes]] = []
        self.content: dict[int, tuple[object, ...]] = {}

    @rule(tokens=st.lists(st.integers(0, 1), max_size=14), digest=st.sampled_from(["", "a"]))
    def admit(self, tokens: list[int], digest: str) -> None:
        root = self.cache.root(digest)
        blocks, keys = self.cache.match(tokens, root)
        for place, block in enumerate(blocks):
            assert self.content[block] == (digest, *tokens[: (place + 1) * SIZE]), "served another's pages"
        assert len(blocks) * SIZE < max(len(tokens), 1), "the last token must be computed"
        fresh: list[int] = []
        while (len(blocks) + len(fresh)) * SIZE < len(tokens):
            found = self.cache.allocate()
            if found is None:
                self.cache.release(blocks + fresh)
                return
            fresh.append(found)
        table = blocks + fresh
        self.live.append((table, keys, list(tokens), root))
        for place in range(len(keys), len(tokens) // SIZE):
            key = self.cache.key(keys[-1] if keys else root, tokens[place * SIZE : (place + 1) * SIZE])
            self.cache.seal(table[place], key)
            keys.append(key)
            self.content[table[place]] = (digest, *tokens[: (place + 1) * SIZE])

    @rule(which=st.integers(0, 20))
    def fork(self, which: int) -> None:
        if self.live:
            table, keys, tokens, root = self.live[which % len(self.live)]
            self.live.append((self.cache.fork(table), list(keys), list(tokens), root))

    @rule(which=st.integers(0, 20), token=st.integers(0, 1))
    def write(self, which: int, token: int) -> None:
        """One more token: into its own block, or into a copy of one that is shared."""
        if not self.live:
            return
        table, keys, tokens, root = self.live[which % len(self.live)]
        place = len(tokens) // SIZE
        if place == len(table) or self.cache.shared(table[place]):
            found = self.cache.allocate()
            if found is None:
                return
            if place < len(table):
                self.cache.release(table[place : place + 1])
            table[place : place + 1] = [found]
        assert not self.cache.shared(table[place]), "wrote where somebody else reads"
        tokens.append(token)
        if len(tokens) % SIZE == 0:
            key = self.cache.key(keys[-1] if keys else root, tokens[-SIZE:])
            self.cache.seal(table[place], key)
            keys.append(key)
            digest = "a" if root == self.cache.root("a") else ""
            self.content[table[place]] = (digest, *tokens)

    @rule(which=st.integers(0, 20))
    def leave(self, which: int) -> None:
        if self.live:
            table, *_ = self.live.pop(which % len(self.live))
            self.cache.release(table)

    @rule(who=st.sampled_from("xy"), tokens=st.lists(st.integers(0, 1), max_size=14), digest=st.sampled_from(["", "a"]))
    def keep(self, who: str, tokens: list[int], digest: str) -> None:
        self.cache.keep(who, tokens, self.cache.root(digest))

    @rule(who=st.sampled_from("xy"))
    def let_go(self, who: str) -> None:
        self.cache.let_go(who)

    @rule()
    def forget(self) -> None:
        self.cache.forget()

    @invariant()
    def accounts_add_up(self) -> None:
        if hasattr(self, "cache"):
            self.cache.check(table for table, *_ in self.live)
            free = self.cache.count - 1 - len({block for table, *_ in self.live for block in table})
            assert self.cache.available == free


TestAccounts = Accounts.TestCase
TestAccounts.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


@given(st.lists(st.integers(0, 10), min_size=5, max_size=20), st.integers(0, 19))
@settings(max_examples=60, deadline=None)
def test_any_earlier_token_changes_the_key(tokens: list[int], place: int) -> None:
    cache = Cache(2, SIZE)

    def keys(tokens: list[int], digest: str) -> bytes:
        key = cache.root(digest)
        for start in range(0, len(tokens), SIZE):
            key = cache.key(key, tokens[start : start + SIZE])
        return key

    other = list(tokens)
    other[place % len(tokens)] += 1
    assert keys(tokens, "d") != keys(other, "d")
    assert keys(tokens, "d") != keys(tokens, "e")
    assert keys(tokens, "d") == keys(list(tokens), "d")


def test_keys_are_pinned() -> None:
    cache = Cache(2, SIZE)
    assert cache.root("").hex() == "cae66941d9efbd404e4d88758ea67670"
    assert cache.key(cache.root("expert"), [1, 2, 3, 4]).hex() == "f0f58ea0e7ceed35114b561fef764f3b"


def test_the_longest_unused_is_evicted_first_and_ends_before_beginnings() -> None:
    cache = Cache(5, SIZE)
    root = cache.root("")
    first, second = [cache.allocate() for _ in range(2)], [cache.allocate() for _ in range(2)]
    for table, token in ((first, 1), (second, 2)):
        one = cache.key(root, [token] * SIZE)
        cache.seal(table[0] or 0, one)
        cache.seal(table[1] or 0, cache.key(one, [token] * SIZE))
    cache.release([block or 0 for block in first])
    cache.release([block or 0 for block in second])
    assert cache.match([1] * 9, root)[0] == first  # used again: now the second is the older
    cache.release([block or 0 for block in first])
    assert [cache.allocate() for _ in range(4)] == [second[1], second[0], first[1], first[0]]
    assert cache.allocate() is None


def known(cache: Cache, token: int, blocks: int) -> list[int]:
    """A text of one token over and over, computed and left."""
    table, key = [cache.allocate() or 0 for _ in range(blocks)], cache.root("")
    for block in table:
        key = cache.key(key, [token] * SIZE)
        cache.seal(block, key)
    cache.release(table)
    return table


def found(cache: Cache, token: int, blocks: int) -> int:
    """How many of its blocks are still known."""
    table, _ = cache.match([token] * (blocks * SIZE + 1), cache.root(""))
    cache.release(table)
    return len(table)


def test_what_is_kept_goes_last_and_goes_all_the_same() -> None:
    """Longer unused than everything else, and there while anything else can make room."""
    cache = Cache(9, SIZE)
    known(cache, 1, 3)
    cache.keep("session", [1] * 12, cache.root(""))
    known(cache, 2, 5)
    taken = [cache.allocate() or 0 for _ in range(5)]
    assert all(taken) and found(cache, 1, 3) == 3 and found(cache, 2, 5) == 0
    assert cache.available == 3
    taken += [cache.allocate() or 0 for _ in range(3)]
    assert all(taken) and cache.allocate() is None and found(cache, 1, 3) == 0
    cache.check([taken])


def test_what_is_let_go_is_like_all_else() -> None:
    cache = Cache(9, SIZE)
    known(cache, 1, 3)
    cache.keep("session", [1] * 12, cache.root(""))
    cache.let_go("session")
    known(cache, 2, 5)
    taken = [cache.allocate() or 0 for _ in range(3)]
    assert found(cache, 1, 3) == 0 and found(cache, 2, 5) == 5
    cache.check([taken])


def test_all_that_is_kept_is_half_of_the_cache_at_most_and_the_oldest_gives_way() -> None:
    cache = Cache(9, SIZE)
    for who, token in (("first", 1), ("second", 2), ("third", 3)):
        known(cache, token, 2)
        cache.keep(who, [token] * 8, cache.root(""))
    assert len(cache._spared) == 4
    known(cache, 4, 2)
    cache.release([cache.allocate() or 0 for _ in range(4)])
    assert [found(cache, token, 2) for token in (1, 2, 3)] == [0, 2, 2]
    cache.check([])
