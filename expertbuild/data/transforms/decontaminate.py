"""Leave out rows that give a test away: the same question, up to case and blanks, or a row of the same group.

Only rows for training go through it; a test set of its own (`test_sources`) is what it compares with.
"""

from collections.abc import Iterable, Iterator

from expertbuild.data.rows import Row, bare_question
from expertbuild.data.transforms import Bench, Spec


def apply(rows: Iterable[Row], spec: Spec, bench: Bench) -> Iterator[Row]:
    asked = {bare_question(row) for row in bench.test_rows}
    groups = {row["group"] for row in bench.test_rows}
    for row in rows:
        if bare_question(row) in asked:
            bench.drop("decontaminate", "the test asks the same", row)
        elif row["group"] in groups:
            bench.drop("decontaminate", "the test has a row of the same group", row)
        else:
            yield row
