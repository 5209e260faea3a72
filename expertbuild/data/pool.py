"""All rows that came through a recipe, on the disk: split by group, written out, and looked at once while they are.

What a row is split by stands in front of it, so writing a split reads only its own rows.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from expertbuild.data.errors import DataProblem, RecipeMistake
from expertbuild.data.leaks import LeakCheck
from expertbuild.data.measures import Running
from expertbuild.data.rows import Row, dump
from expertbuild.data.splits import Layers, split
from expertbuild.data.spool import counted
from expertbuild.data.transforms import Bench, CountedRow

SPLITS = ("train", "validation", "test")


class Pool:
    """Rows in one file, each with its length and with what it is split by."""

    def __init__(self, path: Path, by: str, layers: Layers) -> None:
        self.path = path
        self.by = by
        self.layers = layers
        self.groups: Counter[str] = Counter()
        self.places: Mapping[str, str] = {}

    def fill(self, rows: Iterable[Row], progress: Callable[[int], None]) -> None:
        with self.path.open("w", encoding="utf-8", newline="\n") as file:
            for number, row in enumerate(rows, 1):
                key = _key(row, self.by)
                self.groups[key] += 1
                self.layers.add(key, row)
                tokens = row.tokens if isinstance(row, CountedRow) else None
                file.write(f"{json.dumps([key, tokens])}\t{dump(row)}\n")
                if number % 500 == 0:
                    progress(number)

    def split(self, *, test: float, validation: float, seed: int) -> None:
        self.places = split(self.groups, test=test, validation=validation, seed=seed, layers=self.layers)

    def of(self, name: str) -> Iterator[Row]:
        with self.path.open(encoding="utf-8", newline="\n") as file:
            for line in file:
                head, _, text = line.partition("\t")
                key, tokens = json.loads(head)
                if self.places[key] == name:
                    yield counted(json.loads(text), tokens)

    def write(
        self, out: Path, test_rows: Sequence[Row], running: Iterable[Running], report: Callable[..., None]
    ) -> tuple[dict[str, int], LeakCheck]:
        """Write the splits, training first; `test_rows` are those that came from sources of their own."""
        leaks, measures = LeakCheck(), list(running)
        sizes = dict.fromkeys(SPLITS, 0)
        for name in SPLITS:
            report(message=f"writing {name}")
            rows = chain(self.of(name), test_rows) if name == "test" else self.of(name)
            with (out / f"{name}.jsonl").open("w", encoding="utf-8", newline="\n") as file:
                for row in rows:
                    leaks.add(name, row)
                    for each in measures:
                        each.add(name, row)
                    file.write(dump(row) + "\n")
                    sizes[name] += 1
        return sizes, leaks


def _key(row: Row, by: str) -> str:
    if by not in row:
        raise RecipeMistake(f'a row has no "{by}" to split by.', where="split.by", hint="Use group, id or stratum.")
    return str(row[by])


def dropped(bench: Bench, order: Sequence[str]) -> list[dict[str, Any]]:
    """What was left out, in the order of the transforms: the same whoever came upon it first."""

    def place(transform: str) -> int:
        return order.index(transform) if transform in order else -1

    return [
        {"transform": each.transform, "reason": each.reason, "rows": each.rows, "example": each.example}
        for each in sorted(
            bench.dropped.values(), key=lambda each: (place(each.transform), each.transform, each.reason)
        )
    ]


def enough(sizes: Mapping[str, int], came: Mapping[str, int], bench: Bench, drawn: Counter[str]) -> None:
    """Refuse a dataset without rows to train on or to test with; the sentence says what took them.

    `came` are the rows that came through all transforms and could have been of that split.
    """
    if not drawn.total():
        raise DataProblem("the sources gave no rows.", where="sources", hint="An empty file is a source of nothing.")
    for name, rows in came.items():
        if sizes[name]:
            continue
        if rows:
            raise DataProblem(
                f"no rows are left for {name}: the other splits take all {rows}.",
                where="split",
                hint="Raise `rows` or change `split`.",
            )
        most = max(bench.dropped.values(), key=lambda each: each.rows, default=None)
        hint = f"{most.transform} left out {most.rows} ({most.reason})." if most else ""
        raise DataProblem(f"no rows are left for {name}.", where="transforms", hint=hint)
