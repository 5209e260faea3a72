"""Logic that a grammar names and does not write: a value from other values, by name.

A hook is a function of chance and of the slots it is given; the table below is all there is. A grammar can name a hook
and never load one: who needs another adds it here, with a test.
"""

import json
import random
from collections.abc import Callable, Mapping
from typing import Any

from expertbuild.data.columns import said
from expertbuild.data.generators import words

Hook = Callable[[random.Random, list[Any]], Any]

_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def _numbers(values: list[Any]) -> list[int | float]:
    if any(not isinstance(value, int | float) or isinstance(value, bool) for value in values):
        raise ValueError("takes numbers")
    return values


def _spelled(rng: random.Random, values: list[Any]) -> str:
    """A small number as a word, mostly; larger ones in digits."""
    value = values[0]
    small = isinstance(value, int) and 0 <= value < len(_NUMBERS)
    return _NUMBERS[value] if small and rng.random() < 0.6 else said(value)


def _clock(rng: random.Random, values: list[Any]) -> str:
    """24-hour time as people say it: 19:30 is `7:30 pm` or `19:30`."""
    hour, _, minute = str(values[0]).partition(":")
    if not hour.isdigit() or not minute.isdigit():
        raise ValueError("takes a time such as 19:30")
    half = "am" if int(hour) < 12 else "pm"
    short = f"{(int(hour) - 1) % 12 + 1}" + ("" if minute == "00" else f":{minute}")
    return rng.choice((f"{short} {half}", f"{short}{half}", str(values[0])))


HOOKS: Mapping[str, Hook] = {
    "sum": lambda rng, values: sum(_numbers(values)),
    "product": lambda rng, values: _product(_numbers(values)),
    "difference": lambda rng, values: _numbers(values)[0] - sum(_numbers(values)[1:]),
    "count": lambda rng, values: len(values),
    "list": lambda rng, values: list(values),
    "join": lambda rng, values: ", ".join(map(said, values)),
    "lower": lambda rng, values: said(values[0]).lower(),
    "upper": lambda rng, values: said(values[0]).upper(),
    "title": lambda rng, values: said(values[0]).title(),
    "plural": lambda rng, values: words.plural(said(values[0])),
    "json": lambda rng, values: json.dumps(values[0] if len(values) == 1 else values, ensure_ascii=False),
    "number_word": _spelled,
    "clock": _clock,
    "full_name": lambda rng, values: words.full_name(rng, str(values[0]) if values else "all"),
    "date": lambda rng, values: words.date(rng),
    "code": lambda rng, values: words.code(rng),
    "invented": lambda rng, values: words.invented(rng),
}


def _product(values: list[int | float]) -> int | float:
    made: int | float = 1
    for value in values:
        made *= value
    return made
