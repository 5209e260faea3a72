"""Words of names and of questions, so that `filmTitle`, `film_title` and "film titles" are found to be the same."""

import re
from collections.abc import Sequence

NUMBERS = (  # each in its place
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"),
)

_WORD = re.compile(r"[^\W\d_][^\W_]*")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def parts(name: str) -> list[str]:
    """The words of a name: film_title, filmTitle."""
    return [word.lower() for word in _WORD.findall(_HUMP.sub(" ", name))]


def stem(word: str) -> str:
    """Roughly the singular, so that `prices` is known where `price` is."""
    for ending, instead in (("ies", "y"), ("ches", "ch"), ("shes", "sh"), ("sses", "ss"), ("xes", "x"), ("s", "")):
        if word.endswith(ending) and len(word) > len(ending) + 1 and not word.endswith("ss"):
            return word[: -len(ending)] + instead
    return word


def camel(words: Sequence[str]) -> str:
    """`unitPrice`."""
    return words[0] + pascal(words[1:])


def pascal(words: Sequence[str]) -> str:
    """`UnitPrice`."""
    return "".join(word.capitalize() for word in words)


def said_as(name: str) -> str:
    """A pattern of a name's words, whatever sets them apart; none of a name without words."""
    return r"[\s_-]*".join(map(re.escape, parts(name)))


def running(text: str) -> str:
    """The words of a text, one behind the other, for names to be looked for in it."""
    return f" {' '.join(spelled(text))} "


def spelled(name: str) -> tuple[str, ...]:
    """A name as it is compared."""
    return tuple(stem(word) for word in parts(name))
