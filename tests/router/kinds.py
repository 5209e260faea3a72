"""Prompts of a few kinds, generated, so that routing can be tested on as many as are wanted."""

import random
from collections.abc import Callable

_THINGS = [
    "invoices",
    "orders",
    "patients",
    "cities",
    "songs",
    "players",
    "flights",
    "books",
    "rooms",
    "teachers",
    "sensors",
    "vehicles",
]
_FIELDS = ["name", "price", "country", "year", "rating", "colour", "status", "amount", "owner", "weight"]
_PEOPLE = ["Ada", "Boris", "Chen", "Dana", "Emil", "Farah", "Gita", "Hugo", "Ines", "Jonas"]


def _query(r: random.Random) -> str:
    thing, field = r.choice(_THINGS), r.choice(_FIELDS)
    return r.choice(
        [
            f"Which {thing} have a {field} above {r.randint(2, 900)}?",
            f"List the {r.randint(2, 20)} {thing} with the highest {field}, newest first.",
            f"How many {thing} are there for each {field}?",
            f"Table {thing}({field} text, {r.choice(_FIELDS)} integer). Show the average {field} of all {thing}.",
        ]
    )


def _record(r: random.Random) -> str:
    person = r.choice(_PEOPLE)
    return r.choice(
        [
            f"Turn into an object: {person}, {r.randint(18, 80)} years, {r.choice(_FIELDS)} {r.randint(1, 99)}.",
            f'Add the field "{r.choice(_FIELDS)}" to {{"name": "{person}", "age": {r.randint(18, 80)}}}.',
            f'Repair: {{"{r.choice(_FIELDS)}": {r.randint(1, 9)}, "{r.choice(_FIELDS)}": [1, 2,}}',
            f"Extract every {r.choice(_FIELDS)} from this text as an array of objects: {person} bought {r.randint(2, 9)}.",
        ]
    )


def _verse(r: random.Random) -> str:
    thing = r.choice(_THINGS)
    return r.choice(
        [
            f"Compose a sonnet about {thing} and the sea.",
            f"Two rhyming lines for {r.choice(_PEOPLE)}, who loves {thing}.",
            f"A ballad in four stanzas: {thing} at night.",
        ]
    )


def _code(r: random.Random) -> str:
    thing, field = r.choice(_THINGS), r.choice(_FIELDS)
    return r.choice(
        [
            f"def sort_{thing}(items): return the {thing} ordered by {field}",
            f"Implement a function that takes a list of {thing} and returns the largest {field}.",
            f"Write a class {thing.title()} with a method get_{field}() and a test with assert.",
        ]
    )


KINDS: dict[str, Callable[[random.Random], str]] = {"query": _query, "record": _record, "verse": _verse, "code": _code}


def prompts(kind: str, count: int, seed: int = 0) -> list[str]:
    generator = random.Random(f"{kind}/{seed}")
    return [KINDS[kind](generator) for _ in range(count)]
