"""How many questions to train on are nearly the same as another one that is still there, by MinHash.

    measures: {near_duplicates: {threshold: 0.8, max: 0.05}}

Looks at the first `rows` rows to train on (200,000 when nothing is said).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from expertbuild.data.minhash import Signatures, band_keys, leaders, signatures
from expertbuild.data.rows import Row, question
from expertbuild.data.transforms import Bench, Spec

HEADLINE = "share"
ABOUT = "share of the questions to train on that nearly repeat an earlier one"
BATCH = 500


class NearDuplicates:
    def __init__(self, threshold: float, rows: int) -> None:
        self.threshold = threshold
        self.most = rows
        self.rows = 0
        self.held: list[str] = []
        self.made: list[Signatures] = []
        self.short: list[str] = []

    def add(self, split: str, row: Row) -> None:
        if split != "train" or self.rows >= self.most:
            return
        self.rows += 1
        text = question(row)
        self.held.append(text)
        self.short.append(" ".join(row["messages"][-1]["content"][-400:].split())[-120:])
        if len(self.held) >= BATCH:
            self._sign()

    def result(self) -> Mapping[str, Any]:
        self._sign()
        if not self.made:
            return {"threshold": self.threshold, "rows": 0, "found": 0, "share": 0.0, "examples": []}
        every = np.concatenate(self.made)
        stands = leaders(every, band_keys(every, self.threshold), self.threshold)
        found = np.flatnonzero(stands != np.arange(len(stands)))
        return {
            "threshold": self.threshold,
            "rows": self.rows,
            "found": len(found),
            "share": round(len(found) / self.rows, 6),
            "examples": [[self.short[stands[number]], self.short[number]] for number in found[:3]],
        }

    def _sign(self) -> None:
        if self.held:
            self.made.append(signatures(self.held))
            self.held = []


def measure(bench: Bench, spec: Spec) -> NearDuplicates:
    return NearDuplicates(float(spec.get("threshold", 0.8)), spec.get("rows", 200_000))
