"""How long prompts and answers are, in tokens of the base: the figures and a histogram, split by split."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from expertbuild.data.rows import Row
from expertbuild.data.transforms import Bench, Spec

HEADLINE = "train.prompt.p95"
ABOUT = "tokens that 95 % of the questions to train on stay below"

STEP = 16  # tokens to one bar of the histogram


class Tokens:
    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.lengths: dict[tuple[str, str], Counter[int]] = defaultdict(Counter)

    def add(self, split: str, row: Row) -> None:
        prompt, answer = self.bench.tokens(row)
        self.lengths[split, "prompt"][prompt] += 1
        self.lengths[split, "answer"][answer] += 1

    def result(self) -> Mapping[str, Any]:
        made: dict[str, dict[str, Any]] = defaultdict(dict)
        for (split, side), counts in self.lengths.items():
            bars: Counter[int] = Counter()
            for length, count in counts.items():
                bars[length // STEP * STEP] += count
            made[split][side] = {
                "total": sum(length * count for length, count in counts.items()),
                "median": _quantile(counts, 0.5),
                "p95": _quantile(counts, 0.95),
                "longest": max(counts),
                "histogram": [[start, bars[start]] for start in sorted(bars)],
            }
        return dict(made)


def _quantile(counts: Counter[int], share: float) -> int:
    left = share * counts.total()
    for length in sorted(counts):
        left -= counts[length]
        if left <= 0:
            return length
    return max(counts)


def measure(bench: Bench, spec: Spec) -> Tokens:
    return Tokens(bench)
