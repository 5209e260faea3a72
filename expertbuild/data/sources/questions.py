"""Rows from a generator that is declared in YAML beside the recipe: slots, phrasings, answers, without a line of code.

    - {kind: questions, path: bookings.yaml, rows: 4000}
    - {kind: questions, path: bookings.yaml, rows: 100, words: held_out, phrasings: held_out}

See `data/generators/declared` and docs/data.md.
"""

import random
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from expertbuild.data.errors import RecipeMistake
from expertbuild.data.generators.declared.drawing import Generator
from expertbuild.data.generators.declared.reading import declared, value_files
from expertbuild.data.rows import Row
from expertbuild.data.sources import Place
from expertbuild.data.sources.generator import PARTS, distinct
from expertbuild.data.sources.places import inside

KEPT = True  # as for generators
OWN_KEYS = ("kind", "path", "rows", "weight", "part", "words", "phrasings")


def files(spec: Mapping[str, Any], directory: Path) -> list[Path]:
    """The file itself, and the lists of values it names."""
    path = _path(spec, directory)
    return [path, *(inside(directory, str(each)) for each in value_files(path))]


def rows(spec: Mapping[str, Any], place: Place) -> Iterator[Row]:
    wanted = spec.get("rows")
    if type(wanted) is not int or wanted < 1:
        raise RecipeMistake("needs `rows`, a whole number above 0.", where=str(spec.get("path")))
    sides = {key: spec.get(key, "train") for key in ("words", "phrasings")}
    for key, side in sides.items():
        if side not in PARTS:
            raise RecipeMistake(f'"{side}" is no part of the {key}.', hint=f"Known: {', '.join(PARTS)}.")
    path = _path(spec, place.directory)
    generator = Generator(path.stem, declared(path), **sides)
    yield from distinct(generator.rows(random.Random(place.seed)), wanted, path.stem)


def _path(spec: Mapping[str, Any], directory: Path) -> Path:
    for key in spec:
        if key not in OWN_KEYS:
            raise RecipeMistake(f'a questions source has no key "{key}".', hint=f"Known: {', '.join(OWN_KEYS)}.")
    if not isinstance(spec.get("path"), str) or not spec["path"]:
        raise RecipeMistake("a questions source needs a path.")
    path = inside(directory, spec["path"])
    if not path.is_file():
        raise RecipeMistake("there is no such file.", where=spec["path"], hint=f"Looked in {directory}.")
    return path
