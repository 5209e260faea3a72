"""Whether a repaired document has all that the broken one had, and nothing twice. It remarks nothing: JSON has no comments.

What counts are words and numbers, from the first bracket or quote of what was asked to the last, and one more value behind it. What
looks like a comment may be left out, and literals of other languages count as nothing.
"""

import re
from collections import Counter
from collections.abc import Sequence

from runtime.checks.finding import Finding
from runtime.checks.json_answers import declines, document

_SPAN = re.compile(r"[\[{\"'].*[\]}\"'](?:[ \t]*[:,=][ \t]*[\w.+-]+)?", re.DOTALL)
_COMMENT = re.compile(r"/\*.{0,1000}?\*/|(?<![:\w/])(?://|#)[^\n]*", re.DOTALL)
_WORD = re.compile(r"\w++")
_SUFFIX = re.compile(r"(?<=\d)[fFdDlLnN]\Z")
_LITERALS = frozenset(
    {*("null", "true", "false", "none", "nil", "nan", "infinity", "inf", "undefined", "yes", "no", "on", "off")}
)


def look(told: Sequence[str], answer: str) -> Finding | None:
    """Doubts a document that lost something, or says something more often than it was told."""
    asked = "\n".join(told)
    broken = _SPAN.search(asked)
    if broken is None:
        return None
    try:
        if declines(document(answer)):
            return None
    except ValueError:
        return Finding()
    after, most = _words(answer), _words(asked)
    least = set(_words(_COMMENT.sub(" ", broken[0])))
    return Finding() if least - set(after) or after - most else None


def _words(text: str) -> Counter[str]:
    """Words and numbers, these without what may be written otherwise: zeros in front, lines between digits, 5f."""
    words = (_number(word) if word[0].isdigit() else word for word in _WORD.findall(text))
    return Counter(word for word in words if word and word.lower() not in _LITERALS)


def _number(word: str) -> str:
    return _SUFFIX.sub("", word.replace("_", "").lstrip("0"))
