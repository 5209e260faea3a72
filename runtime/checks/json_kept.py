"""Whether a repaired document has all that the broken one had, and nothing twice; and of one that was whole already, whether
what was asked of it is done (see `json_done`). It remarks nothing: JSON has no comments.

What counts are words and numbers, from the first bracket or quote of what was asked to the last, and one more value behind it. What
looks like a comment may be left out, and literals of other languages count as nothing.
"""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from runtime.checks import json_done, json_told
from runtime.checks.finding import Finding
from runtime.checks.json_answers import declines, document, lacking

LONGEST = 8_000  # characters of what was asked, to do it here

_BEHIND = re.compile(r"[ \t]*[:,=][ \t]*[\w.+-]+")
_COMMENT = re.compile(r"/\*.{0,1000}?\*/|(?<![:\w/])(?://|#)[^\n]*", re.DOTALL)
_WORD = re.compile(r"\w++")
_SUFFIX = re.compile(r"(?<=\d)[fFdDlLnN]\Z")
_LITERALS = frozenset(
    {*("null", "true", "false", "none", "nil", "nan", "infinity", "inf", "undefined", "yes", "no", "on", "off")}
)


def look(told: Sequence[str], answer: str) -> Finding | None:
    """Doubts a document that lost something, says something more often than it was told, or is another than was asked for."""
    try:
        found = document(answer)
        return None if _right(told, answer, found) else Finding()
    except (ValueError, RecursionError):
        return Finding()


def _right(told: Sequence[str], answer: str, found: Any) -> bool:
    asked = "\n".join(told)
    broken = _between(asked, "[{\"'", "]}\"'")
    if broken is None:
        return declines(found) or not isinstance(found, dict) or json_told.look(told, answer) is None
    marked = _between(asked, "[{", "]}") or broken
    around = f"{asked[: marked.start]}\n{asked[marked.stop :]}"
    whole = _whole(asked[marked.start : marked.stop], around)
    if declines(found):
        missing = lacking(found)
        return missing is None or whole is None or json_done.lacks(whole, around, missing)
    if not json_done.written(around, answer, found):
        return False
    if whole is not None:
        if isinstance(found, dict) and found != whole and json_done.template(whole, around):
            return json_told.look(told, answer) is None
        return json_done.done(whole, around, found)
    behind = _BEHIND.match(asked, broken.stop)
    text = asked[broken.start : behind.end() if behind else broken.stop]
    after, most = _words(answer), _words(asked)
    return not set(_words(_COMMENT.sub(" ", text))) - set(after) and not after - most


def _between(text: str, opening: str, closing: str) -> slice | None:
    """From the first of some characters to the last of others."""
    start = min((at for at in map(text.find, opening) if at >= 0), default=-1)
    end = max(map(text.rfind, closing))
    return slice(start, end + 1) if 0 <= start < end else None


def _whole(text: str, around: str) -> Any:
    """The document that stands in brackets or quotes; None where it is broken, or longer than anybody asks things of."""
    try:
        return document(text) if len(text) + len(around) <= LONGEST else None
    except ValueError:
        return None


def _words(text: str) -> Counter[str]:
    """Words and numbers, these without what may be written otherwise: zeros in front, lines between digits, 5f."""
    words = (_number(word) if word[0].isdigit() else word for word in _WORD.findall(text))
    return Counter(word for word in words if word and word.lower() not in _LITERALS)


def _number(word: str) -> str:
    return _SUFFIX.sub("", word.replace("_", "").lstrip("0"))
