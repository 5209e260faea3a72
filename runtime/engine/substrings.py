"""All parts of some texts, as one automaton: from each state a piece leads to one other state at most.

A text in which everything comes again and again has as many states as one in which nothing does, about one a piece, and
whoever follows it is in one state at a time (the suffix automaton of Blumer and others).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


class Piece(NamedTuple):
    """A word, or what stands between words; whether a part of the text may begin with it, and end."""

    text: str
    begins: bool = True
    ends: bool = True


Run = tuple[Piece, ...]  # a text in pieces


@dataclass
class State:
    """`ways`: what may come next, and where it leads. The first state is the beginning, where nothing has been said."""

    may_end: bool = False
    ways: dict[Piece, int] = field(default_factory=dict)
    length: int = 0
    link: int = -1


def substrings(runs: Sequence[Run]) -> list[State]:
    """The states; in one without a way out a part has to end."""
    states = [State()]
    for run in runs:
        last = 0
        for piece in run:
            last = _add(states, last, piece)
    states[0].ways = {piece: to for piece, to in states[0].ways.items() if piece.begins}
    _cut(states)
    return states


def _add(states: list[State], last: int, piece: Piece) -> int:
    known = states[last].ways.get(piece)
    if known is not None and states[known].length == states[last].length + 1:
        return known
    new = 0
    if known is None:
        states.append(State(may_end=piece.ends, length=states[last].length + 1))
        new = len(states) - 1
    at = last
    while at >= 0 and piece not in states[at].ways:
        states[at].ways[piece] = new
        at = states[at].link
    if at < 0:
        states[new].link = 0
        return new
    to = states[at].ways[piece]
    if states[at].length + 1 != states[to].length:
        to = _clone(states, at, to, piece)
    if known is None:
        states[new].link = to
        return new
    return to


def _clone(states: list[State], at: int, to: int, piece: Piece) -> int:
    """A state for those of the texts behind `to` that are short enough to have been said elsewhere, too."""
    old = states[to]
    states.append(State(old.may_end, dict(old.ways), states[at].length + 1, old.link))
    clone = len(states) - 1
    old.link = clone
    while at >= 0 and states[at].ways.get(piece) == to:
        states[at].ways[piece] = clone
        at = states[at].link
    return clone


def _cut(states: list[State]) -> None:
    """Without the ways that end in pieces that end nothing."""
    before: list[list[int]] = [[] for _ in states]
    for place, state in enumerate(states):
        for to in state.ways.values():
            before[to].append(place)
    alive = [state.may_end for state in states]
    waiting = [place for place, ends in enumerate(alive) if ends]
    while waiting:
        for place in before[waiting.pop()]:
            if not alive[place]:
                alive[place] = True
                waiting.append(place)
    for state in states:
        state.ways = {piece: to for piece, to in state.ways.items() if alive[to]}
