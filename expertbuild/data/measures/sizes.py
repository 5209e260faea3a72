"""How much there is: rows, bytes and characters, split by split, and the largest row."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from expertbuild.data.rows import Row, dump, question
from expertbuild.data.transforms import Bench, Spec

HEADLINE = "train.rows"
ABOUT = "rows to train on"


class Sizes:
    def __init__(self) -> None:
        self.found: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))

    def add(self, split: str, row: Row) -> None:
        found = self.found[split]
        size = len(dump(row).encode())
        found["rows"] += 1
        found["bytes"] += size
        found["question characters"] += len(question(row))
        found["answer characters"] += len(row["answer"])
        found["largest row"] = max(found["largest row"], size)
        found["empty answers"] += not row["answer"].strip()

    def result(self) -> Mapping[str, Any]:
        return {split: dict(found) for split, found in self.found.items()}


def measure(bench: Bench, spec: Spec) -> Sizes:
    return Sizes()
