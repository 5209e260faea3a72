"""Random JSON documents of the size that a small model can read: records, lists of records, settings.

Plain data only. What is done to a document (damage, queries, extraction) belongs to the task that
does it; the base's corpus shows documents as they are.
"""

import random
from typing import Any

from expertbuild.data.generators.words import (
    code,
    date,
    full_name,
    invented,
    plural,
    text_value,
    thing,
    words,
)

Json = Any


def document(rng: random.Random, part: str = "all", size: int = 6) -> Json:
    """An object or a list of objects with about `size` leaves."""
    shape = rng.random()
    if shape < 0.55:
        return record(rng, part, fields=rng.randint(2, max(2, size)))
    if shape < 0.75:
        return _records(rng, part, size)
    if shape < 0.9:
        outer = record(rng, part, fields=rng.randint(1, max(1, size // 2)))
        outer[key(rng, part)] = record(rng, part, fields=rng.randint(1, max(1, size // 2)))
        return outer
    outer = record(rng, part, fields=rng.randint(1, max(1, size // 3)))
    outer[plural(thing(rng, part))] = _list(rng, part, rng.randint(0, 4))
    return outer


def record(rng: random.Random, part: str = "all", fields: int = 4) -> dict[str, Json]:
    """One object; its keys are distinct."""
    made: dict[str, Json] = {}
    while len(made) < fields:
        name, value = field(rng, part)
        made.setdefault(name, value)
    return made


def field(rng: random.Random, part: str = "all") -> tuple[str, Json]:
    """A key with a value that suits it."""
    choice = rng.random()
    if choice < 0.34:
        name = rng.choice(words("text_column", part))
        return name, text_value(rng, part, name)
    if choice < 0.56:
        return rng.choice(words("integer_column", part)), number(rng)
    if choice < 0.66:
        return rng.choice(words("real_column", part)), decimal(rng)
    if choice < 0.74:
        return rng.choice(words("flag_column", part)), rng.random() < 0.5
    if choice < 0.79:
        return rng.choice(words("date_column", part)), date(rng)
    if choice < 0.84:
        return key(rng, part), None
    if choice < 0.9:
        return key(rng, part), _list(rng, part, rng.randint(0, 4))
    return rng.choice(("id", "code", "ref", "sku")), rng.choice((number(rng), code(rng, part)))


def key(rng: random.Random, part: str = "all") -> str:
    choice = rng.random()
    if choice < 0.7:
        return thing(rng, part)
    if choice < 0.85:
        first, *rest = thing(rng, part).split("_")
        return first + "".join(word.capitalize() for word in rest)
    return invented(rng, part)


def number(rng: random.Random) -> int:
    return rng.choice(
        (
            rng.randint(0, 9),
            rng.randint(10, 99),
            rng.randint(100, 9999),
            -rng.randint(1, 99),
        )
    )


def decimal(rng: random.Random) -> float:
    return round(rng.uniform(0.1, rng.choice((5, 100, 2000))), rng.choice((1, 2)))


def scalar(rng: random.Random, part: str = "all") -> Json:
    return field(rng, part)[1] if rng.random() < 0.8 else full_name(rng, part)


def _list(rng: random.Random, part: str, length: int) -> list[Json]:
    kind = rng.random()
    if kind < 0.5:
        return [text_value(rng, part) for _ in range(length)]
    if kind < 0.85:
        return [number(rng) for _ in range(length)]
    return [rng.random() < 0.5 for _ in range(length)]


def _records(rng: random.Random, part: str, size: int) -> list[Json]:
    template = record(rng, part, fields=rng.randint(1, 3))
    count = rng.randint(1, max(1, size // len(template)))
    return alike(rng, part, template, count)


def alike(rng: random.Random, part: str, template: dict[str, Json], count: int) -> list[dict[str, Json]]:
    """Some objects of one kind, the first of which is given."""
    return [template] + [
        {name: _like(rng, part, name, value) for name, value in template.items()} for _ in range(count - 1)
    ]


def _like(rng: random.Random, part: str, name: str, value: Json) -> Json:
    if isinstance(value, bool):
        return rng.random() < 0.5
    if isinstance(value, int):
        return number(rng)
    if isinstance(value, float):
        return decimal(rng)
    if isinstance(value, str):
        return text_value(rng, part, name)
    return value
