"""Rows written by one of the project's own task generators, seeded, each different from the others.

    - {kind: generator, name: json_repair, rows: 6000}
    - {kind: generator, name: text_to_sql, rows: 300, words: held_out, phrasings: held_out}
    - {kind: generator, name: text_to_sql, rows: 6000, questions: 4}      # so many about each schema

Further keys go to the generator as options.
"""

import inspect
import random
from collections.abc import Iterator, Mapping
from itertools import chain, count
from typing import Any

from expertbuild.data.errors import RecipeMistake, SourceMistake
from expertbuild.data.generators.tasks import GENERATORS
from expertbuild.data.rows import Row
from expertbuild.data.sources import Place

# A generator that gives this many known rows in a row has said what it can say.
PATIENCE = 2000
KEPT = True  # drawing costs as much as all transforms of an ordinary recipe
OWN_KEYS = ("kind", "name", "rows", "weight", "part", "questions")
PARTS = ("train", "held_out", "all")


def modules(spec: Mapping[str, Any]) -> list[str]:
    return [GENERATORS.module(spec.get("name", ""))]


def rows(spec: Mapping[str, Any], place: Place) -> Iterator[Row]:
    name = spec.get("name", "")
    generator = GENERATORS.load(name)
    draw = generator.draw
    wanted = spec.get("rows")
    if not isinstance(wanted, int) or wanted < 1:
        raise RecipeMistake(f'the generator "{name}" needs `rows`, a whole number above 0.')
    options: dict[str, Any] = {"words": "train", "phrasings": "train"}
    options |= {key: value for key, value in spec.items() if key not in OWN_KEYS}
    _check(name, draw, options)
    rng = random.Random(place.seed)
    questions = spec.get("questions", 1)
    if questions == 1:
        yield from distinct((draw(rng, **options) for _ in count()), wanted, name)
        return
    several = getattr(generator, "draw_several", None)
    if several is None:
        raise RecipeMistake(
            f'the generator "{name}" asks once about each thing.', hint="Leave `questions` out of this source."
        )
    yield from distinct(chain.from_iterable(several(rng, questions, **options) for _ in count()), wanted, name)


def distinct(drawn: Iterator[Row], wanted: int, name: str) -> Iterator[Row]:
    """As many rows as are wanted, each once; one that repeats itself for too long has said what it can say."""
    seen: set[str] = set()
    idle = 0
    for row in drawn:
        if row["id"] in seen:
            idle += 1
            if idle > PATIENCE:
                raise SourceMistake(
                    f'the generator "{name}" repeats itself after {len(seen)} different rows.',
                    hint=f"Ask for fewer than {wanted}.",
                )
            continue
        idle = 0
        seen.add(row["id"])
        yield row
        if len(seen) >= wanted:
            return


def _check(name: str, draw: Any, options: Mapping[str, Any]) -> None:
    known = list(inspect.signature(draw).parameters)[1:]
    for key in options:
        if key not in known:
            raise RecipeMistake(f'the generator "{name}" has no option "{key}".', hint=f"It has: {', '.join(known)}.")
    for key in ("words", "phrasings"):
        if options[key] not in PARTS:
            raise RecipeMistake(
                f'"{options[key]}" is no part of the {key} of "{name}".', hint=f"Known: {', '.join(PARTS)}."
            )
