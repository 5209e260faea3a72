"""How sure a score is: intervals for a proportion, for a mean, and for the paired difference of two.

Proportions: Wilson. The paired difference of two proportions: Tango's score interval, which keeps its coverage at
small n and when one of the two is never right (a base often is). Scores that are not 0 or 1: a seeded bootstrap.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist, fmean

RESAMPLES = 2000


@dataclass(frozen=True)
class Interval:
    """A figure with what is known about it."""

    value: float
    low: float
    high: float
    n: int

    def document(self) -> dict[str, object]:
        return {
            "value": round(self.value, 6),
            "interval": [round(self.low, 6), round(self.high, 6)],
            "n": self.n,
        }


def mean(scores: Sequence[float], confidence: float = 0.95) -> Interval:
    """The mean score."""
    if _binary(scores):
        return wilson(round(sum(scores)), len(scores), confidence)
    return _bootstrap(scores, confidence)


def difference(after: Sequence[float], before: Sequence[float], confidence: float = 0.95) -> Interval:
    """The mean of after - before, case by case."""
    if _binary(after) and _binary(before):
        pairs = list(zip(after, before, strict=True))
        better = sum(1 for new, old in pairs if new > old)
        worse = sum(1 for new, old in pairs if new < old)
        return tango(better, worse, len(pairs), confidence)
    return _bootstrap([new - old for new, old in zip(after, before, strict=True)], confidence)


def wilson(right: int, n: int, confidence: float = 0.95) -> Interval:
    """Wilson's score interval for `right` of `n`."""
    if n == 0:
        return Interval(0.0, 0.0, 1.0, 0)
    z = _z(confidence)
    share = right / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # At both ends rounding must not cut off what was observed.
    return Interval(share, min(share, max(0.0, middle - half)), max(share, min(1.0, middle + half)), n)


def tango(better: int, worse: int, n: int, confidence: float = 0.95) -> Interval:
    """Tango's score interval for (better - worse) / n, from the two counts of cases that changed."""
    if n == 0:
        return Interval(0.0, -1.0, 1.0, 0)
    z = _z(confidence)
    value = (better - worse) / n

    def distance(delta: float) -> float:
        b = -better - worse + (2 * n - better + worse) * delta
        c = -worse * delta * (1 - delta)
        other = (sqrt(max(0.0, b * b - 8 * n * c)) - b) / (4 * n)
        variance = n * (2 * other + delta * (1 - delta))
        gap = better - worse - n * delta
        if variance <= 0:
            return 0.0 if gap == 0 else float("inf") if gap > 0 else float("-inf")
        return gap / sqrt(variance)

    low = _root(lambda delta: distance(delta) - z, -1.0, value)
    high = _root(lambda delta: distance(delta) + z, value, 1.0)
    return Interval(value, low, high, n)


def _root(falling: Callable[[float], float], low: float, high: float) -> float:
    """Where a falling function crosses zero, by bisection."""
    for _ in range(60):
        middle = (low + high) / 2
        if falling(middle) > 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _bootstrap(values: Sequence[float], confidence: float) -> Interval:
    if not values:
        return Interval(0.0, -1.0, 1.0, 0)
    rng = random.Random("bootstrap")
    means = sorted(fmean(rng.choices(values, k=len(values))) for _ in range(RESAMPLES))
    tail = (1 - confidence) / 2
    low, high = means[round(tail * (RESAMPLES - 1))], means[round((1 - tail) * (RESAMPLES - 1))]
    return Interval(fmean(values), low, high, len(values))


def _binary(scores: Sequence[float]) -> bool:
    return all(score in (0, 1) for score in scores)


def _z(confidence: float) -> float:
    return NormalDist().inv_cdf(0.5 + confidence / 2)
