"""Whether a question names something that the answer to it does not use: a table, a label, a column, a number, a quoted text.

A small model that has lost the thread answers another question, which is a good query all the same. What a question
names word for word is in the right answer as a rule, so an answer without it is doubted; it is never refused.
"""

import re
from collections.abc import Iterable, Iterator

from runtime.checks.words import NUMBERS, parts, spelled, stem

LONGEST = 6  # words of a name

_SENTENCE = re.compile(r"[^\w \t'-]+")
_NUMBER = re.compile(r"(?<![\w.])\d[\d,]*+(?:\.\d++)?(?:[eE]\d++)?(?!\w)(?!\s*+(?:hundred|thousand|[mb]illion)\b)")
_QUOTED = re.compile(r"(?<!\w)(?:'([^'\n]++)'|\"([^\"\n]++)\"|\u201c([^\u201d\n]++)\u201d)(?!\w)")
_COUNTS = NUMBERS[2:13]  # "one" is seldom meant as a number


def left_out(question: str, query: str, names: Iterable[str], used: Iterable[str]) -> bool:
    """Whether the query lacks any number or quoted text of the question, or any of the names in it. `used`: its own names."""
    folded = query.casefold()
    return (
        any(text.casefold() not in folded for text in _quoted(question))
        or not _numbers(question) | _counts(question) <= _numbers(query)
        or not _named(question, names) <= {spelled(name) for name in used}
    )


def _quoted(text: str) -> Iterator[str]:
    return (next(filter(None, found)) for found in _QUOTED.findall(text))


def _numbers(text: str) -> set[str]:
    return {f"{float(number.replace(',', '')):.12g}" for number in _NUMBER.findall(text)}


def _counts(text: str) -> set[str]:
    """Numbers in words."""
    words = set(parts(text))
    return {str(place) for place, word in enumerate(_COUNTS, 2) if word in words}


def _named(question: str, names: Iterable[str]) -> set[tuple[str, ...]]:
    """The names that the question has, word for word; of those that begin alike, the longest."""
    known = {spelled(name) for name in names}
    found = set()
    for sentence in _SENTENCE.split(question):
        words = [stem(word) for word in parts(sentence)]
        at = 0
        while at < len(words):
            runs = (tuple(words[at : at + length]) for length in range(LONGEST, 0, -1))
            name = next((run for run in runs if run in known), None)
            found |= {name} if name else set()
            at += len(name) if name else 1
    return found
