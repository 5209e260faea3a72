"""Words of names and of questions, so that `filmTitle`, `film_title` and "film titles" are found to be the same."""

import re

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


def running(text: str) -> str:
    """The words of a text, one behind the other, for names to be looked for in it."""
    return f" {' '.join(spelled(text))} "


def spelled(name: str) -> tuple[str, ...]:
    """A name as it is compared."""
    return tuple(stem(word) for word in parts(name))
