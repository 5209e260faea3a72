"""Rows that cost more to draw than to keep: remembered in pieces, by all that decides them.

A generator that a changed transform stands behind would draw the same rows once more, a scorer judge the same answers, git
fetch the same commit. A source says by `KEPT = True` that it is such a one. Losing a piece loses time and nothing else: the
source is asked again from its beginning, and what was given already is passed over.
"""

from collections.abc import Callable, Iterator
from itertools import count, islice
from typing import Any

from expertbuild.data.remembered import Memory, key_of
from expertbuild.data.rows import Row

PIECE = 500  # rows

Left = tuple[str, str, Row]
LeftOut = Callable[[str, str, Row], None]


def remembered(draw: Callable[[LeftOut], Iterator[Row]], left_out: LeftOut, memory: Memory, key: str) -> Iterator[Row]:
    """The rows that `draw` gives, and what it leaves out, from memory as far as that goes."""
    done = 0
    for number in count():
        piece = memory.recall(key_of([key, str(number)]))
        if not _whole(piece):
            break
        yield from _told(piece, left_out)
        if piece["last"]:
            return
        done = number + 1
    left: list[Left] = []
    rows = draw(lambda *each: left.append(each))
    for number in count():
        drawn = list(islice(rows, PIECE))
        piece = {"rows": drawn, "left": list(left), "last": len(drawn) < PIECE}
        left.clear()
        if number >= done:
            memory.keep(key_of([key, str(number)]), piece)
            yield from _told(piece, left_out)
        if piece["last"]:
            return


def _told(piece: dict[str, Any], left_out: LeftOut) -> Iterator[Row]:
    for each in piece["left"]:
        left_out(*each)
    yield from piece["rows"]


def _whole(piece: Any) -> bool:
    return isinstance(piece, dict) and set(piece) == {"rows", "left", "last"}
