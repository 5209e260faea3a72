"""Whether a rule of a grammar takes a text by itself."""

from collections.abc import Mapping

from runtime.engine.errors import GrammarRefused
from runtime.engine.gbnf import below
from runtime.engine.gbnf_parser import Characters, Choice, Node, Reference, Repeat, Row, Token

MOST_DEPTH = 200  # rules, and what is nested in them
MOST_HELD = 100_000
MOST_STATES = 1_000


class Acceptor:
    """All readings of a rule side by side: no text takes longer than its letters, each with the rule's states."""

    def __init__(self, rules: Mapping[str, Choice], name: str) -> None:
        self._rules, self._name = rules, name
        self._edges: list[list[tuple[Characters, int]]] = []
        self._empty: list[list[int]] = []
        self._known: dict[tuple[frozenset[int], str], frozenset[int]] = {}
        self._held = 0  # states in what is known
        begin = self._state()
        self._end = self._build(rules[name], begin, (name,), 0)
        self._begin = self._closed({begin})
        self.repeats = _repeats(rules[name], rules)

    def __call__(self, text: str) -> bool:
        now = self._begin
        for letter in text:
            found = self._known.get((now, letter))
            if found is None:
                reached = {to for state in now for one, to in self._edges[state] if _takes(one, letter)}
                found = self._closed(reached)
                self._held += len(now) + len(found)
                if self._held > MOST_HELD:
                    self._known.clear()
                    self._held = 0
                self._known[now, letter] = found
            now = found
        return self._end in now

    def _state(self) -> int:
        if len(self._edges) >= MOST_STATES:
            raise GrammarRefused(f"the rule {self._name} is too large to be narrowed.")
        self._edges.append([])
        self._empty.append([])
        return len(self._edges) - 1

    def _build(self, node: Node, begin: int, open: tuple[str, ...], depth: int) -> int:
        """The states of a node after this one; where it ends."""
        depth += 1
        if depth > MOST_DEPTH:
            raise GrammarRefused(f"the rule {self._name} leads too far down to be narrowed.")
        if isinstance(node, Characters):
            end = self._state()
            self._edges[begin].append((node, end))
            return end
        if isinstance(node, Row):
            for item in node.items:
                begin = self._build(item, begin, open, depth)
            return begin
        if isinstance(node, Choice):
            end = self._state()
            for row in node.rows:
                self._empty[self._build(row, begin, open, depth)].append(end)
            return end
        if isinstance(node, Repeat):
            return self._repeated(node, begin, open, depth)
        if isinstance(node, Token) or node.name in open:
            what = "names tokens" if isinstance(node, Token) else "calls itself"
            raise GrammarRefused(f"the rule {self._name} {what}, so it could not be narrowed.")
        return self._build(self._rules[node.name], begin, (*open, node.name), depth)

    def _repeated(self, node: Repeat, begin: int, open: tuple[str, ...], depth: int) -> int:
        for _ in range(node.least):
            begin = self._build(node.item, begin, open, depth)
        if node.most is None:
            end = self._state()
            self._empty[begin].append(end)
            self._empty[self._build(node.item, end, open, depth)].append(end)
            return end
        ends = [begin]
        for _ in range(node.most - node.least):
            begin = self._build(node.item, begin, open, depth)
            ends.append(begin)
        end = self._state()
        for each in ends:
            self._empty[each].append(end)
        return end

    def _closed(self, states: set[int]) -> frozenset[int]:
        waiting, seen = [*states], set(states)
        while waiting:
            fresh = [state for state in self._empty[waiting.pop()] if state not in seen]
            seen.update(fresh)
            waiting += fresh
        return frozenset(seen)


def _takes(characters: Characters, letter: str) -> bool:
    return any(low <= letter <= high for low, high in characters.ranges) != characters.negated


def _repeats(rule: Choice, rules: Mapping[str, Choice]) -> bool:
    """Whether a rule is one loop without end: what it takes piece by piece, it takes as a whole."""
    node: Node = rule
    while isinstance(node, (Choice, Row, Reference)):
        inside = below(node, rules)
        if len(inside) != 1:
            return False
        node = inside[0]
    return isinstance(node, Repeat) and node.most is None and node.least < 2
