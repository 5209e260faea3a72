"""Keep kinds of rows in given proportions, as many rows as these allow.

- {kind: mix, by: part, weights: {own: 3, public: 1}}
- {kind: mix, by: stratum, weights: {join: 2, filter: 1}, rows: 9000}

Kinds that no weight names are left out. Nothing is repeated: the kind that is shortest of its share decides how many
rows there are, or `rows` does, whichever is less. Only rows for training go through it.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from expertbuild.data.errors import RecipeMistake
from expertbuild.data.parts import check_part
from expertbuild.data.rows import Row
from expertbuild.data.shares import Counts, kept_by_share
from expertbuild.data.transforms import Bench, Spec

OPTIONS = ("by", "weights", "rows")


def check(spec: Spec, directory: Path) -> None:
    check_part(spec.get("by", "stratum"), "by")
    weights, rows = spec.get("weights"), spec.get("rows")
    if not isinstance(weights, Mapping) or not weights:
        raise RecipeMistake("the transform mix needs `weights`, a number for each kind.")
    for kind, weight in weights.items():
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 < weight < math.inf:
            raise RecipeMistake(f"{weight!r} is no number above 0.", where=f"weights.{kind}")
    if rows is not None and (not isinstance(rows, int) or isinstance(rows, bool) or rows < 1):
        raise RecipeMistake("`rows` must be a whole number above 0.", where="rows")


def apply(rows: Iterable[Row], spec: Spec, bench: Bench) -> Iterator[Row]:
    by, weights = spec.get("by", "stratum"), {str(kind): weight for kind, weight in spec["weights"].items()}

    def shares(counts: Counts) -> Mapping[str, tuple[int, str]]:
        if counts and not set(weights) & set(counts):
            raise RecipeMistake(
                f"no row has a {by} that has a weight.", where="weights", hint=f"There are: {', '.join(counts)[:200]}."
            )
        total = sum(weights.values())
        whole = min((counts.get(kind, 0) * total / weight for kind, weight in weights.items()), default=0)
        whole = min(whole, spec.get("rows") or whole)
        made = {}
        for kind, count in counts.items():
            share = min(count, math.floor(whole * weights.get(kind, 0) / total + 1e-9))
            reason = (
                f"more than the share of {by} {kind[:60]}" if kind in weights else f"no weight for {by} {kind[:60]}"
            )
            made[kind] = (share, reason)
        return made

    return kept_by_share(rows, by, bench, "mix", shares)
