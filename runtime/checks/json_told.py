"""Whether each text and number of an answer was told, where the text says it, and for one key only. It remarks nothing: JSON has
no comments.

A small model that finds no value for a key gives it the value of another, or gives none though the text names the key. Words
of texts count as often as they were told; a key is named by whoever asks, and in a text that says its value by name.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from runtime.checks.finding import Finding
from runtime.checks.json_answers import declines, document
from runtime.checks.json_documents import documents, everything
from runtime.checks.words import NUMBERS, parts, running, said_as, spelled

_WORD = re.compile(r"\d++|[^\W\d]++")
_NUMBER = re.compile(r"\d++(?:\.\d++)?")
_GROUPED = re.compile(r"(?<=\d),(?=\d{3}\b)")
_IN_WORD = re.compile(rf"(?:{'|'.join(NUMBERS)})\b", re.IGNORECASE)


def look(told: Sequence[str], answer: str) -> Finding | None:
    """Doubts a document that says something more often than the conversation, or otherwise than beside the name of its key, and
    no value of a key that is named twice."""
    try:
        found = document(answer)
    except ValueError:
        return Finding()
    if declines(found):
        return None
    asked = "\n".join(told)
    values = [each for each in everything(found) if not isinstance(each, dict | list)]
    words = Counter(word for value in values if isinstance(value, str) for word in _WORD.findall(value))
    members = found if isinstance(found, dict) else {}
    if (
        words - Counter(_WORD.findall(asked))
        or not _counted([value for value in values if _is_number(value)], asked)
        or not _keyed(members, told[-1])
        or not all(_stands(name, value, asked) for name, value in members.items())
    ):
        return Finding()
    empty = [name for name, value in members.items() if value is None]
    nothing = bool(members) and len(empty) == len(members)  # which is told by an error
    return Finding() if nothing or _more_than_once(empty, asked) else None


def _counted(numbers: Sequence[float], asked: str) -> bool:
    """Whether each number was told, in digits or in a word, as often as it is said."""
    there = Counter(map(_plain, _NUMBER.findall(_GROUPED.sub("", asked))))
    there.update(_plain(str(NUMBERS.index(word))) for word in parts(asked) if word in NUMBERS)
    said = Counter(_plain(str(number)) for number in numbers)
    return all(count <= there[number] for number, count in said.items())


def _keyed(members: Mapping[str, Any], question: str) -> bool:
    """Whether the keys are those of the template, or of the list, that the question ends or begins with, if it has one."""
    for wanted in documents(question)[0]:
        names = [*wanted] if isinstance(wanted, dict | list) else []
        if names and all(isinstance(name, str) for name in names) and members.keys() != {*names}:
            return False
    return True


def _stands(name: str, value: Any, asked: str) -> bool:
    """Whether a value stands where the text has it behind the name of its key: `lot number: 375`; it is no name itself."""
    if not isinstance(value, str) and not _is_number(value):
        return True
    if isinstance(value, str) and spelled(value) == spelled(name):
        return False
    behind = [*_behind(name, asked)]
    said = str(value).removesuffix(".0")
    return not behind or any(_begins(text, said) for text in behind)


def _behind(name: str, asked: str) -> Iterator[str]:
    """What stands behind a key that a text names."""
    words = said_as(name)
    for match in re.finditer(rf"(?:^|[\n;,/.-] ?+){words}(?: ?[:=]| -) ++", asked, re.IGNORECASE) if words else ():
        yield asked[match.end() : match.end() + 200]


def _begins(text: str, said: str) -> bool:
    plain = _GROUPED.sub("", text)
    return plain.startswith(said) or text.startswith(said) or bool(_IN_WORD.match(plain))


def _plain(number: str) -> str:
    """A number as it is compared: digits that say nothing do not count, however many the others are."""
    whole, _, rest = number.lstrip("-0").partition(".")
    return f"{whole}.{rest.rstrip('0')}"


def _more_than_once(names: Sequence[str], text: str) -> bool:
    """Whether a text has any of these names more than once."""
    words = running(text) if names else ""
    return any(words.count(running(name)) > 1 for name in names if spelled(name))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
