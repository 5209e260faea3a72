"""What share of the rows that were drawn was left out, and by what: read from the statistics of the dataset."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from expertbuild.data.rows import Row
from expertbuild.data.transforms import Bench, Spec

HEADLINE = "share"
ABOUT = "share of the rows drawn that was left out"


class Drops:
    def __init__(self, statistics: Mapping[str, Any]) -> None:
        self.statistics = statistics

    def add(self, split: str, row: Row) -> None:
        """Rows that are left say nothing about those that are not."""

    def result(self) -> Mapping[str, Any]:
        drawn = sum(self.statistics["drawn"].values())
        by: Counter[str] = Counter()
        for each in self.statistics["dropped"]:
            by[each["transform"]] += each["rows"]
        return {
            "drawn": drawn,
            "rows": by.total(),
            "share": round(by.total() / max(1, drawn), 6),
            "transforms": {name: {"rows": rows, "share": round(rows / max(1, drawn), 6)} for name, rows in by.items()},
        }


def measure(bench: Bench, spec: Spec) -> Drops:
    return Drops(bench.statistics)
