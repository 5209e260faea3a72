"""What is counted about finished rows, by name. Each file provides `measure(bench, spec)`: an object with `add` and `result`.

Rows pass once, split by split; a measure keeps totals, not rows. A file also says which figure of its result is the
`HEADLINE`, the one that a bound in the recipe speaks of, and in `ABOUT` what that figure means. The three of `COUNTED`
are taken while rows are written and lie beside them; the others are taken afterwards, so that asking for another measure
changes nothing that a training stands on.
"""

from collections.abc import Mapping
from types import ModuleType
from typing import Any, Protocol

from expertbuild.catalogue import Catalogue
from expertbuild.data.rows import Row

COUNTED = ("strata", "tokens", "vocabulary")
LATER = ("sizes", "drops", "difficulty", "ngrams", "diversity", "near_duplicates", "leaks")
MEASURES = Catalogue("data measure", {kind: f"{__name__}.{kind}" for kind in (*COUNTED, *LATER)})
ALWAYS = ("strata", "tokens")


class Running(Protocol):
    """A measure at work."""

    def add(self, split: str, row: Row) -> None: ...

    def result(self) -> Mapping[str, Any]: ...


def measure(kind: str) -> ModuleType:
    """The module of a measure."""
    return MEASURES.load(kind)
