"""Which loops over a class of characters may be read as one terminal: [^"]* in a string, and not character by character.

A mask inside such a loop then takes no time (151,000 tokens, processor time: 6.5 ms before, 0.01 now). llguidance takes
the longest run it can get, so this is done only where no other reading could be meant. For a class C, at one place of
the grammar, as a turn of an unbounded loop, that is so when

- no other place that may be expected at the same time takes a character of C: such a character can be nothing else;
- two turns that follow each other are turns of one loop, of which one could be left out: a run is never needed as two.

What may be expected at the same time is found by following all readings side by side, without regard to which rule called
which. That finds too much rather than too little, and what is not shown to be safe, or not in time, stays as it is.
"""

import time
from collections.abc import Iterator, Mapping
from itertools import islice

from runtime.engine.gbnf_parser import Characters, Choice, Node, Reference, Repeat, Row, Token

MOST_SECONDS = 0.5
MOST_PAIRS = 100_000  # places that are looked at side by side; about 0.2 s
MOST_COPIES = 24  # of what is repeated a given number of times
DEEPEST_COPIES = 3  # of copies within copies
SMALL = 12  # nodes of a rule that is read anew wherever it is used

# A place is the id of the node where a class or a token is written, and of which copy: the number of the time where it is
# repeated a given number of times, the reference where a small rule is used. With it goes whether it is a turn by itself.
Place = tuple[int, tuple[int, ...]]
Ends = frozenset[tuple[Place, bool]]


class TooLarge(Exception):
    """The grammar is not looked through in time."""


def runs(rules: Mapping[str, Choice]) -> set[int]:
    """The ids of the classes, among the nodes of these rules, that may be read as runs."""
    deadline = time.thread_time() + MOST_SECONDS
    try:
        turns = _turns(rules, deadline)
        if not turns:
            return set()
        found = _Follow(rules, deadline)
        return turns - found.again - found.contested(turns - found.again)
    except TooLarge:
        return set()


def _turns(rules: Mapping[str, Choice], deadline: float) -> set[int]:
    """Classes that stand alone as a turn of an unbounded loop, wherever their rule is used."""
    always = dict.fromkeys(rules, True) | {"root": False}
    while True:
        uses: dict[str, bool] = {"root": False}
        classes = set()
        for name, rule in rules.items():
            if time.thread_time() > deadline:
                raise TooLarge
            for node, turn in _walk(rule, always[name]):
                if isinstance(node, Reference):
                    uses[node.name] = uses.get(node.name, True) and turn
                elif isinstance(node, Characters) and turn:
                    classes.add(id(node))
        now = {name: uses.get(name, False) for name in rules}
        if now == always:
            return classes
        always = now


def _walk(node: Node, turn: bool) -> Iterator[tuple[Node, bool]]:
    """Every node below this one, with whether it is by itself a turn of an unbounded loop."""
    waiting = [(node, turn)]
    while waiting:
        node, turn = waiting.pop()
        yield node, turn
        if isinstance(node, Row):
            waiting += [(item, turn and len(node.items) == 1) for item in node.items]
        elif isinstance(node, Choice):
            waiting += [(row, turn) for row in node.rows]
        elif isinstance(node, Repeat):
            waiting.append((node.item, _is_loop(node)))


def _is_loop(node: Repeat) -> bool:
    return node.most is None and node.least < 2


class _Follow:
    """Which places may follow which; `again` are those that follow themselves as more than turns of one loop."""

    def __init__(self, rules: Mapping[str, Choice], deadline: float) -> None:
        self.again: set[int] = set()
        self._rules = rules
        self._copy: tuple[int, ...] = ()
        self._open: list[str] = []  # the rules that are being read for one copy
        self._small = {name for name, rule in rules.items() if len([*islice(_walk(rule, False), SMALL + 1)]) <= SMALL}
        self._follow: dict[Place, set[Place]] = {}
        self._nodes: dict[int, Characters | Token] = {}
        self._deadline = deadline
        self._known: dict[str, tuple[Ends, Ends, bool]] = dict.fromkeys(rules, (frozenset(), frozenset(), False))
        grew = True
        while grew:
            grew = False
            for name in [*rules][::-1]:
                now = self._ends(rules[name])
                grew = grew or now != self._known[name]
                self._known[name] = now
        # The last round saw every end as it is, and so joined everything that can be joined.

    def contested(self, places: set[int]) -> set[int]:
        """Those of the places that are expected together with another one that takes the same characters."""
        start = [place for place, _ in self._known["root"][0]]
        if len(start) ** 2 > MOST_PAIRS:
            raise TooLarge
        waiting = [(one, two) for one in start for two in start if one <= two]
        seen = set(waiting)
        lost: set[int] = set()
        while waiting:
            one, two = waiting.pop()
            if len(seen) > MOST_PAIRS:
                raise TooLarge
            if one[0] != two[0]:  # the same class in two readings is one run in both
                if not _overlap(self._nodes[one[0]], self._nodes[two[0]]):
                    continue
                lost |= {one[0], two[0]} & places
            lefts, rights = self._follow.get(one, set()), self._follow.get(two, set())
            if len(lefts) * len(rights) > MOST_PAIRS:
                raise TooLarge
            for left in lefts:
                for right in rights:
                    pair = (left, right) if left <= right else (right, left)
                    if pair not in seen:
                        seen.add(pair)
                        waiting.append(pair)
        return lost

    def _ends(self, node: Node) -> tuple[Ends, Ends, bool]:
        """Where a node can begin and end, and whether it may be empty."""
        if time.thread_time() > self._deadline:
            raise TooLarge
        if isinstance(node, (Characters, Token)):
            self._nodes[id(node)] = node
            here: Ends = frozenset({((id(node), self._copy), True)})
            return here, here, False
        if isinstance(node, Reference):
            return self._referred(node)
        if isinstance(node, Choice):
            rows = [self._ends(row) for row in node.rows]
            firsts: Ends = frozenset().union(*(row[0] for row in rows))
            lasts: Ends = frozenset().union(*(row[1] for row in rows))
            return firsts, lasts, any(row[2] for row in rows)
        if isinstance(node, Row):
            return self._row([self._ends(item) for item in node.items])
        if node.most is not None and 2 <= node.most <= MOST_COPIES and len(self._copy) < DEEPEST_COPIES:
            return self._copies(node, node.most)
        first, last, empty = self._ends(node.item)
        if node.most is None or node.most > 1:
            self._join(last, first, loop=_is_loop(node))
        return _inside(first), _inside(last), empty or not node.least

    def _referred(self, node: Reference) -> tuple[Ends, Ends, bool]:
        """What is known of a rule; a small one is read anew wherever it is used, for places of its own."""
        name = node.name
        if name in self._open or len(self._copy) >= DEEPEST_COPIES or name not in self._small:
            return self._known[name]
        before, self._copy = self._copy, (*self._copy, id(node))
        self._open.append(name)
        found = self._ends(self._rules[name])
        self._open.pop()
        self._copy = before
        return found

    def _copies(self, node: Repeat, most: int) -> tuple[Ends, Ends, bool]:
        """What is repeated a given number of times, as if it were written so often."""
        before, items = self._copy, []
        for number in range(most):
            self._copy = (*before, number)
            first, last, empty = self._ends(node.item)
            items.append((first, last, empty or number >= node.least))
        self._copy = before
        first, last, empty = self._row(items)
        return _inside(first), _inside(last), empty

    def _row(self, items: list[tuple[Ends, Ends, bool]]) -> tuple[Ends, Ends, bool]:
        if len(items) == 1:
            return items[0]
        first: Ends = frozenset()
        last: Ends = frozenset()
        empty = True
        for begins, ends, nothing in items:
            self._join(last, begins, loop=False)
            if empty:
                first |= begins
            last = last | ends if nothing else ends
            empty = empty and nothing
        return _inside(first), _inside(last), empty

    def _join(self, last: Ends, first: Ends, *, loop: bool) -> None:
        if len(last) * len(first) > MOST_PAIRS:
            raise TooLarge
        begins = {place for place, _ in first}
        nodes, nested = {place[0] for place in begins}, {place[0] for place, alone in first if not alone}
        for place, alone in last:
            self._follow.setdefault(place, set()).update(begins)
            if place[0] in nodes and not (loop and (alone or place[0] not in nested)):
                self.again.add(place[0])


def _inside(ends: Ends) -> Ends:
    """Seen from further out, none of them is a turn by itself."""
    return frozenset((place, False) for place, _ in ends)


def _overlap(one: Characters | Token, two: Characters | Token) -> bool:
    """Whether some character is in both; a token may be any."""
    if isinstance(one, Token) or isinstance(two, Token):
        return True
    if one.negated and two.negated:
        return True
    if one.negated or two.negated:
        outside, inside = (one, two) if one.negated else (two, one)
        return any(not _covered(low, high, outside) for low, high in inside.ranges)
    return any(low <= upper and lower <= high for low, high in one.ranges for lower, upper in two.ranges)


def _covered(low: str, high: str, by: Characters) -> bool:
    """Whether every character from `low` to `high` is among the ranges."""
    place = ord(low)
    for begin, end in sorted(by.ranges):
        if ord(begin) <= place <= ord(end):
            place = ord(end) + 1
    return place > ord(high)
