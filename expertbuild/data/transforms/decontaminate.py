"""Leave out rows that give a test away: the same question, up to case and blanks, or a row of the same group.

- {kind: decontaminate}
- {kind: decontaminate, near: 0.8}      # and what shares four fifths of its runs of characters with a test question

Only rows for training go through it; a test set of its own (`test_sources`) is what it compares with.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from expertbuild.data.errors import RecipeMistake
from expertbuild.data.rows import Row, bare_question
from expertbuild.data.transforms import Bench, Spec

OPTIONS = ("near",)
BATCH = 500


def check(spec: Spec, directory: Path) -> None:
    near = spec.get("near")
    if near is not None and (isinstance(near, bool) or not isinstance(near, int | float) or not 0.3 <= near <= 1):
        raise RecipeMistake("`near` must be a number from 0.3 to 1.", where="near")


def apply(rows: Iterable[Row], spec: Spec, bench: Bench) -> Iterator[Row]:
    asked = {bare_question(row) for row in bench.test_rows}
    groups = {row["group"] for row in bench.test_rows}
    for row, near in _with_near(rows, spec.get("near"), bench):
        if bare_question(row) in asked:
            bench.drop("decontaminate", "the test asks the same", row)
        elif row["group"] in groups:
            bench.drop("decontaminate", "the test has a row of the same group", row)
        elif near:
            bench.drop("decontaminate", "the test asks nearly the same", row)
        else:
            yield row


def _with_near(rows: Iterable[Row], near: float | None, bench: Bench) -> Iterator[tuple[Row, bool]]:
    if near is None or not bench.test_rows:
        yield from ((row, False) for row in rows)
        return
    from expertbuild.data.nearness import Nearness
    from expertbuild.data.rows import question

    known = Nearness([question(row) for row in bench.test_rows], near)
    stream = iter(rows)
    while batch := list(islice(stream, BATCH)):
        found = known.nearest([question(row) for row in batch])
        yield from ((row, match is not None) for row, match in zip(batch, found, strict=True))
