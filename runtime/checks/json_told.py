"""Whether each text and number of an answer was told, and for one key only. It remarks nothing: JSON has no comments.

A small model that finds no value for a key gives it the value of another, or gives none though the text names the key. Words
of texts count as often as they were told; a key is named by whoever asks, and in a text that says its value by name.
"""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from runtime.checks.finding import Finding
from runtime.checks.json_answers import declines, document, everything
from runtime.checks.words import running, spelled

_WORD = re.compile(r"\d++|[^\W\d]++")
_NUMBER = re.compile(r"\d++(?:\.\d++)?")


def look(told: Sequence[str], answer: str) -> Finding | None:
    """Doubts a document that says something more often than the conversation, and no value of a key that is named twice."""
    try:
        found = document(answer)
    except ValueError:
        return Finding()
    if declines(found):
        return None
    asked, values = "\n".join(told), [each for each in everything(found) if not isinstance(each, dict | list)]
    words = Counter(word for value in values if isinstance(value, str) for word in _WORD.findall(value))
    numbers, there = Counter(map(str, filter(_is_number, values))), Counter(_NUMBER.findall(asked))
    twice = any(0 < there[number] < count for number, count in numbers.items())  # one that is in words was not read
    if twice or words - Counter(_WORD.findall(asked)):
        return Finding()
    members = found if isinstance(found, dict) else {}
    empty = [name for name, value in members.items() if value is None]
    nothing = bool(members) and len(empty) == len(members)  # which is told by an error
    return Finding() if nothing or _more_than_once(empty, asked) else None


def _more_than_once(names: Sequence[str], text: str) -> bool:
    """Whether a text has any of these names more than once."""
    words = running(text) if names else ""
    return any(words.count(running(name)) > 1 for name in names if spelled(name))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
