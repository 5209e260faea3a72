"""The task "do this to the document": one small operation told in English, and what comes of it.

Keys are picked, removed or renamed, nulls dropped, items listed, sorted, counted or filtered. Answers are computed here,
not written. An operation on a key that the document lacks cannot be done, and the answer says which key.
"""

import random
from collections.abc import Callable
from typing import Any

from expertbuild.data.generators.asking import UNANSWERABLE
from expertbuild.data.generators.documents import alike, number, record
from expertbuild.data.generators.json_rows import SAID, Json, ask, laid_out, row
from expertbuild.data.generators.phrases import Value, Voice, spoken
from expertbuild.data.generators.words import words as listed
from expertbuild.data.rows import Row

# What to say (a set of phrases with its values), the document, and what comes of it; None: not with this one.
Done = tuple[str, dict[str, Value], Json, Json]
Operation = Callable[[Voice, str], Done | None]


def draw(rng: random.Random, words: str = "train", phrasings: str = "train") -> Row:
    """One document with an operation on it, and the result."""
    stratum = rng.choices(list(OPERATIONS), [weight for _, weight in OPERATIONS.values()])[0]
    lost = rng.random() < UNANSWERABLE and stratum in ON_A_KEY

    def write(voice: Voice) -> tuple[str, Json]:
        while (done := OPERATIONS[stratum][0](voice, words)) is None:
            voice.used.clear()
        what, values, given, result = done
        if lost:
            missing = _other(rng, words, given)
            values = values | {"key": named(voice, missing)}
            result = {"error": f"no key {missing}"}
        return ask(voice, what, laid_out(rng, given), values), result

    asked, result = spoken(SAID["transform"], rng, phrasings, write)
    return row("json_transform", asked, result, "transform, no such key" if lost else f"transform, {stratum}")


def named(voice: Voice, key: str) -> str:
    """A key as people name it."""
    return f'"{key}"' if voice.chance(0.4) else key


def _other(rng: random.Random, part: str, given: Json) -> str:
    """A key that the document does not have, nor one much like it."""
    known = set(given[0] if isinstance(given, list) else given)
    parts = {piece for key in known for piece in key.lower().split("_")}
    while True:
        key = rng.choice(listed(rng.choice(("text_column", "integer_column", "real_column")), part))
        if not parts & set(key.split("_")):
            return key


def _object(voice: Voice, part: str) -> dict[str, Json]:
    return record(voice.rng, part, fields=voice.rng.randint(2, 5))


def _items(voice: Voice, part: str) -> list[dict[str, Json]]:
    """A short list of records of one kind."""
    return alike(voice.rng, part, record(voice.rng, part, fields=voice.rng.randint(1, 3)), voice.rng.randint(2, 4))


def _joined(voice: Voice, keys: list[str]) -> str:
    said = [named(voice, key) for key in keys]
    return said[0] if len(said) == 1 else f"{', '.join(said[:-1])} and {said[-1]}"


def pick(voice: Voice, part: str) -> Done | None:
    given = _object(voice, part)
    if len(given) < 3:
        return None
    keys = voice.rng.sample(list(given), voice.rng.randint(1, min(3, len(given) - 1)))
    return "pick", {"keys": _joined(voice, keys)}, given, {key: given[key] for key in given if key in keys}


def remove(voice: Voice, part: str) -> Done | None:
    given = _object(voice, part)
    key = voice.rng.choice(list(given))
    return "remove", {"key": named(voice, key)}, given, {name: given[name] for name in given if name != key}


def rename(voice: Voice, part: str) -> Done | None:
    given = _object(voice, part)
    key, new = voice.rng.choice(list(given)), _other(voice.rng, part, given)
    values: dict[str, Value] = {"key": named(voice, key), "new": named(voice, new)}
    return "rename", values, given, {new if name == key else name: value for name, value in given.items()}


def nulls(voice: Voice, part: str) -> Done | None:
    given = _object(voice, part)
    for key in voice.rng.sample(list(given), voice.rng.randint(1, max(1, len(given) - 1))):
        given[key] = None
    return "nulls", {}, given, {key: value for key, value in given.items() if value is not None}


def values(voice: Voice, part: str) -> Done | None:
    given = _items(voice, part)
    key = voice.rng.choice(list(given[0]))
    return "values", {"key": named(voice, key)}, given, [item[key] for item in given]


def sort(voice: Voice, part: str) -> Done | None:
    given, key = _items(voice, part), voice.rng.choice(listed("integer_column", part))
    for item, value in zip(given, voice.rng.sample(range(1, 100), len(given)), strict=True):
        item[key] = value
    down = voice.chance(0.5)
    result = sorted(given, key=lambda item: item[key], reverse=down)
    return "sort_down" if down else "sort_up", {"key": named(voice, key)}, given, result


def count(voice: Voice, part: str) -> Done | None:
    if voice.chance(0.5):
        given = _items(voice, part)
        return "count", {}, given, len(given)
    found = _where(voice, part)
    return found and ("count_where", found[1], found[0], len(found[2]))


def filter_(voice: Voice, part: str) -> Done | None:
    found = _where(voice, part)
    return found and ("filter", found[1], found[0], found[2])


def _where(voice: Voice, part: str) -> tuple[list[dict[str, Json]], dict[str, Value], list[Any]] | None:
    """A list, a condition as it is said, and the items for which it holds."""
    rng, given = voice.rng, _items(voice, part)
    key = rng.choice(list(given[0]))
    one = rng.choice(given)[key]
    if one is None or isinstance(one, list | float):
        return None
    if type(one) is int and voice.chance(0.5):
        bound, above = number(rng), voice.chance(0.5)
        kept = [item for item in given if (item[key] > bound if above else item[key] < bound)]
        return given, _condition(voice, "where_gt" if above else "where_lt", key, str(bound)), kept
    if voice.chance(0.5):
        rng.choice(given)[key] = one
    said = {True: "true", False: "false"}[one] if isinstance(one, bool) else str(one)
    said = f'"{said}"' if isinstance(one, str) and voice.chance(0.5) else said
    return given, _condition(voice, "where_eq", key, said), [item for item in given if item[key] == one]


def _condition(voice: Voice, what: str, key: str, value: str) -> dict[str, Value]:
    return {"where": voice.later(what), "key": named(voice, key), "v": value}


OPERATIONS: dict[str, tuple[Operation, int]] = {
    "pick": (pick, 3),
    "remove": (remove, 2),
    "rename": (rename, 2),
    "nulls": (nulls, 2),
    "values": (values, 2),
    "sort": (sort, 2),
    "count": (count, 2),
    "filter": (filter_, 3),
}
ON_A_KEY = ("remove", "rename", "values", "sort", "filter")
