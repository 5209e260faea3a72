"""A few rows on their way: what each transform of a recipe makes of them, one transform after the other.

Takes the first rows of every source, exactly those that a build would draw first. What depends on all rows (duplicates,
balance) is shown as it is among these few; decontaminate compares with the first test rows.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from expertbuild.data.encoding import ChatTokenizer
from expertbuild.data.recipe import ONLY_TRAINING, Recipe
from expertbuild.data.rows import Row
from expertbuild.data.sources import Judge, Place, Spec, named, source
from expertbuild.data.transforms import Bench, CountedRow, check, transform

TEST_ROWS = 200  # of each test source, to compare with


@dataclass
class _Watching(Bench):
    """A bench that knows why each row went."""

    reasons: dict[str, str] = field(default_factory=dict)

    def drop(self, transform: str, reason: str, row: Row) -> None:
        self.reasons[row["id"]] = reason


def preview(
    given: Mapping[str, Any],
    *,
    tokenizer: ChatTokenizer,
    seed: int,
    directory: Path,
    rows: int,
    judge: Judge | None = None,
) -> list[dict[str, Any]]:
    """For each transform: its kind and, for each row that reached it, the row before and after, and why it went."""
    recipe = Recipe.read(given)
    check(recipe.transforms, directory)
    with TemporaryDirectory() as work:
        bench = _Watching(tokenizer, directory=directory, work=Path(work), seed=seed)
        tests = _drawn("test_sources", recipe.test_sources, TEST_ROWS, partial(_place, "test", seed, directory, judge))
        for spec in recipe.transforms:
            if spec["kind"] not in ONLY_TRAINING:
                tests = _through(tests, spec, bench)
        bench.test_rows = list(tests)
        here = _drawn("sources", recipe.sources, rows, partial(_place, "train", seed, directory, judge))
        steps = [{"transform": "drawn", "rows": [{"before": None, "after": dict(row), "reason": ""} for row in here]}]
        for spec in recipe.transforms:
            bench.reasons = {}
            after = {row["id"]: row for row in _through(here, spec, bench)}
            steps.append({"transform": spec["kind"], "rows": [_step(row, after, bench.reasons) for row in here]})
            here = list(after.values())
        return steps


def _place(role: str, seed: int, directory: Path, judge: Judge | None, number: int) -> Place:
    return Place(f"{seed}/{role}/{number}", directory, judge)


def _drawn(role: str, specs: Sequence[Spec], most: int, place: Callable[[int], Place]) -> list[Row]:
    drawn: list[Row] = []
    known: Counter[str] = Counter()
    for number, spec in enumerate(specs):
        for row in islice(named(source(spec).rows(spec, place(number)), f"{role}[{number}]"), most):
            row.setdefault("group", row["id"])
            if "part" in spec:
                row["part"] = spec["part"]
            known[row["id"]] += 1
            again = {"id": f"{row['id']} ({known[row['id']]})"} if known[row["id"]] > 1 else {}
            drawn.append(CountedRow({**row, **again}))  # two rows of one name are to be told apart here
    return drawn


def _through(rows: Iterable[Row], spec: Spec, bench: _Watching) -> list[Row]:
    module = transform(spec)
    if hasattr(module, "apply"):
        return list(module.apply(iter(list(rows)), spec, bench))
    return list(_looked(rows, module.look(spec, bench), spec, bench))


def _looked(rows: Iterable[Row], look: Any, spec: Spec, bench: _Watching) -> Iterator[Row]:
    for row in rows:
        said = look(row)
        if isinstance(said, str):
            bench.drop(spec["kind"], said, row)
        else:
            yield said if isinstance(said, CountedRow) else CountedRow(said)


def _step(row: Row, after: Mapping[str, Row], reasons: Mapping[str, str]) -> dict[str, Any]:
    made = after.get(row["id"])
    return {"before": dict(row), "after": None if made is None else dict(made), "reason": reasons.get(row["id"], "")}
