"""Where rows come from, by name. Each file provides `rows(spec, place) -> Iterator[Row]`.

A source gives rows of schemas/row.schema.json one at a time and knows nothing of splits. It may also provide
`modules(spec)`, the further modules it looks up, and `files(spec, directory)`, the local files it reads: both
belong to the key of a build. `KEPT = True` says that its rows cost more to have again than to keep (data/drawn.py).
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

from expertbuild.catalogue import Catalogue
from expertbuild.data.errors import RecipeMistake
from expertbuild.data.rows import Row
from runtime.errors import Problem

SOURCES = Catalogue(
    "data source",
    {kind: f"{__name__}.{kind}" for kind in ("generator", "files", "huggingface", "synthesis", "questions", "git")},
)

Spec = Mapping[str, Any]


class Scored(Protocol):
    """What a scorer says of an answer."""

    @property
    def value(self) -> float: ...


# From a scorer's lines in the recipe to the scorer. Given by whoever knows scorers: they stand on another floor.
Judge = Callable[[Spec], Callable[[str, Row], Scored]]
LeftOut = Callable[[str, str, Row], None]


def _forgotten(kind: str, reason: str, row: Row) -> None:
    """Nobody counts what is left out."""


@dataclass(frozen=True)
class Place:
    """What a source may use besides its own lines in the recipe."""

    seed: str
    directory: Path  # relative paths of the recipe start here: the expert's own directory
    judge: Judge | None = None
    left_out: LeftOut = _forgotten  # told of what does not become a row, and why


def incomplete(record: Mapping[str, Any], where: str) -> Row:
    """A record that lacks what its source needs, as a row to look at."""
    told = json.dumps(record, ensure_ascii=False, default=str)
    return {"id": where, "messages": [{"role": "user", "content": told}], "answer": "", "stratum": "all", "facts": {}}


class Source(Protocol):
    """What each file here provides."""

    def rows(self, spec: Spec, place: Place) -> Iterator[Row]: ...


def source(spec: Spec) -> Source:
    if "kind" not in spec:
        raise RecipeMistake("a source has no kind.", hint=f"Known: {', '.join(sorted(SOURCES.modules))}.")
    return cast(Source, SOURCES.load(spec["kind"]))


def named(rows: Iterator[Row], where: str) -> Iterator[Row]:
    """The rows of a source; an error that names no place names the source's in the recipe."""
    try:
        yield from rows
    except Problem as problem:
        problem.where = problem.where or where
        raise
