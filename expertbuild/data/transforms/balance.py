"""Leave out rows of kinds that there are too many of.

- {kind: balance, by: stratum, ratio: 3}     # no kind more than three times as often as the rarest
- {kind: balance, by: facts.level, most: 2000}

`by` is a part of a row (stratum when nothing is said). Which rows stay is drawn from the seed. Nothing is repeated: a
kind that is too rare stays so. Only rows for training go through it.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from expertbuild.data.errors import RecipeMistake
from expertbuild.data.parts import check_part
from expertbuild.data.rows import Row
from expertbuild.data.shares import Counts, kept_by_share
from expertbuild.data.transforms import Bench, Spec

OPTIONS = ("by", "most", "ratio")


def check(spec: Spec, directory: Path) -> None:
    check_part(spec.get("by", "stratum"), "by")
    most, ratio = spec.get("most"), spec.get("ratio")
    if (most is None) == (ratio is None):
        raise RecipeMistake("the transform balance needs either `most` or `ratio`.")
    if most is not None and (not isinstance(most, int) or isinstance(most, bool) or most < 1):
        raise RecipeMistake("`most` must be a whole number above 0.", where="most")
    if ratio is not None and (isinstance(ratio, bool) or not isinstance(ratio, int | float) or not ratio >= 1):
        raise RecipeMistake("`ratio` must be a number of at least 1.", where="ratio")


def apply(rows: Iterable[Row], spec: Spec, bench: Bench) -> Iterator[Row]:
    by = spec.get("by", "stratum")

    def shares(counts: Counts) -> Mapping[str, tuple[int, str]]:
        most = int(spec["most"] if "most" in spec else spec["ratio"] * min(counts.values(), default=0))
        return {kind: (min(count, most), f"more than {most} of {by} {kind[:60]}") for kind, count in counts.items()}

    return kept_by_share(rows, by, bench, "balance", shares)
