"""How many rows of each kind there are, split by split, and how many different groups they come from."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from expertbuild.data.rows import Row
from expertbuild.data.transforms import Bench, Spec

HEADLINE = "train.rows"
ABOUT = "rows to train on"


class Strata:
    def __init__(self) -> None:
        self.strata: dict[str, Counter[str]] = defaultdict(Counter)
        self.parts: dict[str, Counter[str]] = defaultdict(Counter)
        self.groups: dict[str, set[str]] = defaultdict(set)

    def add(self, split: str, row: Row) -> None:
        self.strata[split][row["stratum"]] += 1
        self.parts[split][row.get("part", "")] += 1
        self.groups[split].add(row["group"])

    def result(self) -> Mapping[str, Any]:
        return {
            split: {
                "rows": counts.total(),
                "groups": len(self.groups[split]),
                "strata": dict(sorted(counts.items())),
                "parts": {name: count for name, count in sorted(self.parts[split].items()) if name},
            }
            for split, counts in self.strata.items()
        }


def measure(bench: Bench, spec: Spec) -> Strata:
    return Strata()
