"""A grammar of which some rules say less for one request: only what stands in the conversation.

    name  ::= [a-z_] [a-z0-9_]*      narrowed to one of some texts: the names of a schema
    told  ::= [^"\\]+                narrowed to runs of pieces: whatever can be copied out of a text, word by word

A grammar is translated once; of a narrowed rule only the new text is written, which costs some milliseconds a request. A
rule is narrowed and never widened: what it would not take as it is written is left out, and should nothing be left, or
more than `MOST_CHARACTERS`, it stays as it is.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from runtime.engine.errors import GrammarRefused
from runtime.engine.gbnf import Ranges, Translated, deepest, translated
from runtime.engine.gbnf_acceptor import Acceptor
from runtime.engine.substrings import Piece, Run, State, substrings

MOST_CHARACTERS = 10_000
MOST_DEPTH = 200
MOST_LETTERS = 1_000  # that are unlike each other
MOST_SECONDS = 0.5  # to look at what was said


@dataclass(frozen=True)
class Said:
    """What a rule may say: one of `texts`, or a part of one of `runs`."""

    texts: tuple[str, ...] = ()
    runs: tuple[Run, ...] = ()


class Narrowable:
    """A grammar, and the rules of it that may be narrowed."""

    def __init__(self, text: str, rules: Sequence[str], ranges: Ranges | None = None) -> None:
        self._whole = translated(text, ranges, narrowed=rules)
        self._accepts: dict[str, Acceptor] = {}
        for name in rules:
            if name not in self._whole.rules or name == "root":
                raise GrammarRefused(f"the grammar has no rule named {name} that could be narrowed.")
            self._accepts[name] = Acceptor(self._whole.rules, name)

    def repeats(self, rule: str) -> bool:
        """Whether a rule can be narrowed to runs: it has to be a loop, as a run is as long as it likes."""
        return self._accepts[rule].repeats

    def lark(self, said: Mapping[str, Said]) -> str | None:
        """The grammar for llguidance with these rules narrowed; None where it stays as it is written."""
        letters = set().union(*map(_letters, said.values()))
        if sum(map(_size, said.values())) > MOST_CHARACTERS or len(letters) > MOST_LETTERS:
            return None
        made: dict[str, tuple[Said, list[State]]] = {}
        deadline = time.thread_time() + MOST_SECONDS
        for name, one in said.items():
            taken = self._taken(name, one, deadline)
            states = substrings(taken.runs)
            if _depth(states) > MOST_DEPTH:
                return None
            if taken.texts or states[0].ways:
                made[name] = taken, states
        return _rewritten(self._whole, made) if made and time.thread_time() < deadline else None

    def _taken(self, name: str, said: Said, deadline: float) -> Said:
        """What of it the rule takes as it is written, as far as there is time."""
        accepts = self._accepts[name]

        def taken(text: str) -> bool:
            return text != "" and time.thread_time() < deadline and accepts(text)

        if said.runs and not accepts.repeats:
            raise GrammarRefused(f"the rule {name} repeats nothing, so it could not be narrowed to runs of a text.")
        texts = tuple(text for text in dict.fromkeys(said.texts) if taken(text))
        return Said(texts, tuple(part for run in said.runs for part in _split(run, taken)))


def _split(run: Run, taken: Callable[[str], bool]) -> Iterator[Run]:
    """The parts of a run between the pieces that the rule does not take."""
    part: list[Piece] = []
    for piece in (*run, Piece("")):
        if taken(piece.text):
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
    ways = [[states[to] for _, to in sorted(state.ways.items())] for state in states]
    ways[0] = [states[to] for to in reversed(states[0].ways.values())]
    below = {id(state): following for state, following in zip(states, ways, strict=True)}
    return deepest(states[0], lambda state: below[id(state)])


def _rewritten(whole: Translated, made: Mapping[str, tuple[Said, Sequence[State]]]) -> str:
    letters: dict[str, str] = {}
    lines = {**whole.lines}
    for name, (said, states) in made.items():
        lines[name] = "\n".join(_Writer(whole.names[name], letters).written(said, states))
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
