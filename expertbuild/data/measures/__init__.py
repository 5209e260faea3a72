"""What is counted about finished rows, by name. Each file provides `measure(bench)`: an object with `add` and `result`.

Rows pass once, split by split; a measure keeps totals, not rows.
"""

from collections.abc import Mapping
from typing import Any, Protocol, cast

from expertbuild.catalogue import Catalogue
from expertbuild.data.rows import Row
from expertbuild.data.transforms import Bench

MEASURES = Catalogue("data measure", {kind: f"{__name__}.{kind}" for kind in ("strata", "tokens", "vocabulary")})
ALWAYS = ("strata", "tokens")


class Running(Protocol):
    """A measure at work."""

    def add(self, split: str, row: Row) -> None: ...

    def result(self) -> Mapping[str, Any]: ...


class Measure(Protocol):
    """What each file here provides."""

    def measure(self, bench: Bench) -> Running: ...


def measure(kind: str) -> Measure:
    return cast(Measure, MEASURES.load(kind))
