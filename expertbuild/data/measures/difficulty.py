"""How hard rows look from their text alone, as easy, medium and hard: the thirds of the rows to train on.

difficulty.py says what the score is made of. The bounds between the thirds come from training; the other splits are
told by the same bounds, so a test that is harder than training shows.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from expertbuild.data.difficulty import difficulty
from expertbuild.data.rows import Row
from expertbuild.data.transforms import Bench, Spec

HEADLINE = "train.mean"
ABOUT = "mean difficulty of the rows to train on, as their text suggests it"
NAMES = ("easy", "medium", "hard")
GRAIN = 20  # steps to one unit of the score: what is kept of a million rows is a hundred numbers


class Difficulty:
    def __init__(self) -> None:
        self.scores: dict[str, Counter[int]] = defaultdict(Counter)

    def add(self, split: str, row: Row) -> None:
        self.scores[split][round(difficulty(row) * GRAIN)] += 1

    def result(self) -> Mapping[str, Any]:
        bounds = _thirds(self.scores.get("train") or next(iter(self.scores.values()), Counter()))
        made: dict[str, Any] = {"bounds": [bound / GRAIN for bound in bounds]}
        for split, scores in self.scores.items():
            kinds = Counter(dict.fromkeys(NAMES, 0))
            for score, count in scores.items():
                kinds[NAMES[bisect_left(bounds, score)]] += count
            total = scores.total()
            made[split] = {
                "mean": round(sum(score * count for score, count in scores.items()) / GRAIN / total, 4),
                **{name: round(kinds[name] / total, 4) for name in NAMES},
                "histogram": [[start / 2, count] for start, count in sorted(_halves(scores).items())],
            }
        return made


def _thirds(scores: Counter[int]) -> tuple[int, int]:
    found = []
    for share in (1 / 3, 2 / 3):
        left = share * scores.total()
        for score in sorted(scores):
            left -= scores[score]
            if left <= 1e-9:
                break
        found.append(score if scores else 0)
    return found[0], found[1]


def _halves(scores: Counter[int]) -> Counter[int]:
    bars: Counter[int] = Counter()
    for score, count in scores.items():
        bars[score * 2 // GRAIN] += count
    return bars


def measure(bench: Bench, spec: Spec) -> Difficulty:
    return Difficulty()
