"""How many test questions are nearly the same as one to train on, by MinHash.

    measures: {leaks: {threshold: 0.8, max: 0}}

That no question or group is on both sides is no measure: a build with such a leak stops (data/leaks.py). This is about
those that differ in a word. The test is small and is held in memory; every row to train on is compared with it.
"""

from collections.abc import Mapping
from typing import Any

from expertbuild.data.minhash import Signatures, signatures
from expertbuild.data.nearness import Nearness
from expertbuild.data.rows import Row, question
from expertbuild.data.transforms import Bench, Spec

HEADLINE = "share"
ABOUT = "share of the test's questions that training nearly asks"
BATCH = 500


class Leaks:
    def __init__(self, threshold: float) -> None:
        self.threshold = threshold
        self.held: list[str] = []
        self.trained: list[Signatures] = []
        self.asked: list[str] = []

    def add(self, split: str, row: Row) -> None:
        if split == "test":
            self.asked.append(question(row))
        elif split == "train":
            self.held.append(question(row))
            if len(self.held) >= BATCH:
                self._sign()

    def result(self) -> Mapping[str, Any]:
        self._sign()
        found: set[int] = set()
        if self.asked:
            test = Nearness(self.asked, self.threshold)
            for made in self.trained:
                for near in test.matches(made):
                    found.update(near)
        examples = [" ".join(self.asked[number].split())[-120:] for number in sorted(found)[:3]]
        return {
            "threshold": self.threshold,
            "test rows": len(self.asked),
            "found": len(found),
            "share": round(len(found) / max(1, len(self.asked)), 6),
            "examples": examples,
        }

    def _sign(self) -> None:
        if self.held:
            self.trained.append(signatures(self.held))
            self.held = []


def measure(bench: Bench, spec: Spec) -> Leaks:
    return Leaks(float(spec.get("threshold", 0.8)))
