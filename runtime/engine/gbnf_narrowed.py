"""A grammar of which some rules say less for one request: only what stands in the conversation.

    name  ::= [a-z_] [a-z0-9_]*      narrowed to one of some texts: the names of a schema
    told  ::= [^"\\]+                narrowed to runs of pieces: whatever can be copied out of a text, word by word

A grammar is translated once; of a narrowed rule only the new text is written, which costs some milliseconds a request. A
rule is narrowed and never widened: what it would not take as it is written is left out, and should nothing be left, or
more than `MOST_CHARACTERS`, it stays as it is.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from runtime.engine.errors import GrammarRefused
from runtime.engine.gbnf import Ranges, Translated, deepest, translated
from runtime.engine.gbnf_parser import Characters, Choice, Node, Repeat, Row, Token
from runtime.engine.substrings import Piece, Run, State, substrings

MOST_CHARACTERS = 10_000
MOST_DEPTH = 200
MOST_LETTERS = 1_000  # that are unlike each other
MOST_STATES = 20_000


@dataclass(frozen=True)
class Said:
    """What a rule may say: one of `texts`, or a part of one of `runs`."""

    texts: tuple[str, ...] = ()
    runs: tuple[Run, ...] = ()


class Narrowable:
    """A grammar, and the rules of it that may be narrowed."""

    def __init__(self, text: str, rules: Sequence[str], ranges: Ranges | None = None) -> None:
        self._whole = translated(text, ranges)
        self._accepts: dict[str, _Acceptor] = {}
        for name in rules:
            if name not in self._whole.rules or name == "root":
                raise GrammarRefused(f"the grammar has no rule named {name} that could be narrowed.")
            self._accepts[name] = _Acceptor(self._whole.rules, name)

    def lark(self, said: Mapping[str, Said]) -> str:
        """The grammar for llguidance with these rules narrowed."""
        made = {name: self._taken(name, one) for name, one in said.items()}
        made = {name: one for name, one in made.items() if one.texts or one.runs}
        letters = set().union(*map(_letters, made.values()))
        if not made or sum(map(_size, made.values())) > MOST_CHARACTERS or len(letters) > MOST_LETTERS:
            return self._whole.text()
        states = {name: substrings(one.runs) for name, one in made.items()}
        if max(map(_depth, states.values())) > MOST_DEPTH:
            return self._whole.text()
        return _rewritten(self._whole, made, states)

    def _taken(self, name: str, said: Said) -> Said:
        """What of it the rule takes as it is written."""
        accepts = self._accepts[name]
        texts = tuple(text for text in dict.fromkeys(said.texts) if text and accepts(text))
        if said.runs and not accepts.repeats:
            raise GrammarRefused(
                f"the rule {name} repeats nothing, so that it could not be narrowed to runs of a text."
            )
        return Said(texts, tuple(part for run in said.runs for part in _split(run, accepts)))


def _split(run: Run, accepts: "_Acceptor") -> Iterator[Run]:
    """The parts of a run between the pieces that the rule does not take."""
    part: list[Piece] = []
    for piece in (*run, Piece("")):
        if piece.text and accepts(piece.text):
            part.append(piece)
        elif part:
            yield tuple(part)
            part = []


def _size(said: Said) -> int:
    return sum(map(len, said.texts)) + sum(len(piece.text) for run in said.runs for piece in run)


def _letters(said: Said) -> set[str]:
    return set().union(*said.texts, *(piece.text for run in said.runs for piece in run))


def _depth(states: Sequence[State]) -> int:
    """How deep llguidance would go, state by state, from the beginning on: a text that comes again and again is deep."""
    ways = [[states[to] for to in state.ways.values()] for state in states]
    ways[0].reverse()
    below = {id(state): following for state, following in zip(states, ways, strict=True)}
    return deepest(states[0], lambda state: below[id(state)])


def _rewritten(whole: Translated, said: Mapping[str, Said], states: Mapping[str, Sequence[State]]) -> str:
    letters: dict[str, str] = {}
    lines = {**whole.lines}
    for name, one in said.items():
        lines[name] = "\n".join(_Writer(whole.names[name], letters).written(one, states[name]))
    ends = (f"{name}: /[\\x{{{ord(letter):x}}}]/" for letter, name in letters.items())
    return "\n".join((*lines.values(), *whole.terminals, *ends)) + "\n"


class _Writer:
    """The lines of one narrowed rule."""

    def __init__(self, rule: str, letters: dict[str, str]) -> None:
        self._rule, self._letters = rule, letters
        self._lines: list[str] = []

    def written(self, said: Said, states: Sequence[State]) -> list[str]:
        follows = {place: f"{self._rule}_x{place}{'?' if state.may_end else ''}" for place, state in enumerate(states)}
        for place, state in enumerate(states[1:], 1):
            if state.ways:
                self._lines.append(f"{self._rule}_x{place}: {self._tree(self._ways(states, state, follows))}")
        # The last first, as in `_depth`: what follows a piece is known when the piece is looked at.
        begins = [f"{self._spelled(piece)} {follow}" for piece, follow in self._ways(states, states[0], follows)[::-1]]
        if said.texts:
            begins.append(self._tree([(text, "") for text in said.texts]))
        return [f"{self._rule}: {' | '.join(begins)}", *self._lines]

    def _ways(self, states: Sequence[State], state: State, follows: Mapping[int, str]) -> list[tuple[str, str]]:
        return [(piece.text, follows[to] if states[to].ways else "") for piece, to in state.ways.items()]

    def _tree(self, ways: Sequence[tuple[str, str]]) -> str:
        """One of these texts, each with what follows it; what they have in common is written once."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for text, follow in sorted(set(ways)):
            groups.setdefault(text[0], []).append((text, follow))
        return " | ".join(self._branch(group) for group in groups.values())

    def _branch(self, ways: Sequence[tuple[str, str]]) -> str:
        """Texts, in their order, that begin with the same letter."""
        first, last = ways[0][0], ways[-1][0]
        common = next((at for at, (one, two) in enumerate(zip(first, last, strict=False)) if one != two), len(first))
        head = self._spelled(first[:common])
        ends = [follow for text, follow in ways if len(text) == common]
        longer = [(text[common:], follow) for text, follow in ways if len(text) > common]
        if not longer and len(ends) == 1:
            return f"{head} {ends[0]}"
        alternatives = [*(follow or '""' for follow in ends), *([self._tree(longer)] if longer else [])]
        return f"{head} {self._new(' | '.join(alternatives))}"

    def _spelled(self, text: str) -> str:
        return " ".join(self._letters.setdefault(letter, f"L{len(self._letters)}") for letter in text)

    def _new(self, line: str) -> str:
        name = f"{self._rule}_{len(self._lines)}"
        self._lines.append(f"{name}: {line}")
        return name


class _Acceptor:
    """Whether a rule takes a text: all its readings side by side, so that no text takes long."""

    def __init__(self, rules: Mapping[str, Choice], name: str) -> None:
        self._rules, self._name = rules, name
        self._edges: list[list[tuple[Characters, int]]] = []
        self._empty: list[list[int]] = []
        self._known: dict[tuple[frozenset[int], str], frozenset[int]] = {}
        begin = self._state()
        self._end = self._build(rules[name], begin, (name,))
        self._begin = self._closed({begin})
        self.repeats = _repeats(rules[name])

    def __call__(self, text: str) -> bool:
        now = self._begin
        for letter in text:
            found = self._known.get((now, letter))
            if found is None:
                reached = {to for state in now for one, to in self._edges[state] if _takes(one, letter)}
                found = self._known[now, letter] = self._closed(reached)
                if len(self._known) > MOST_STATES:
                    self._known.clear()
            now = found
        return self._end in now

    def _state(self) -> int:
        if len(self._edges) >= MOST_STATES:
            raise GrammarRefused(f"the rule {self._name} is too large to be narrowed.")
        self._edges.append([])
        self._empty.append([])
        return len(self._edges) - 1

    def _build(self, node: Node, begin: int, open: tuple[str, ...]) -> int:
        """The states of a node after this one; where it ends."""
        if isinstance(node, Characters):
            end = self._state()
            self._edges[begin].append((node, end))
            return end
        if isinstance(node, Row):
            for item in node.items:
                begin = self._build(item, begin, open)
            return begin
        if isinstance(node, Choice):
            end = self._state()
            for row in node.rows:
                self._empty[self._build(row, begin, open)].append(end)
            return end
        if isinstance(node, Repeat):
            return self._repeated(node, begin, open)
        if isinstance(node, Token) or node.name in open:
            what = "names tokens" if isinstance(node, Token) else "calls itself"
            raise GrammarRefused(f"the rule {self._name} {what}, so it could not be narrowed.")
        return self._build(self._rules[node.name], begin, (*open, node.name))

    def _repeated(self, node: Repeat, begin: int, open: tuple[str, ...]) -> int:
        for _ in range(node.least):
            begin = self._build(node.item, begin, open)
        if node.most is None:
            end = self._state()
            self._empty[begin].append(end)
            self._empty[self._build(node.item, end, open)].append(end)
            return end
        ends = [begin]
        for _ in range(node.most - node.least):
            begin = self._build(node.item, begin, open)
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


def _repeats(rule: Choice) -> bool:
    """Whether a rule is one loop without end: what it takes piece by piece, it takes as a whole."""
    node: Node = rule
    while isinstance(node, (Choice, Row)):
        inside = node.rows if isinstance(node, Choice) else node.items
        if len(inside) != 1:
            return False
        node = inside[0]
    return isinstance(node, Repeat) and node.most is None and node.least < 2
