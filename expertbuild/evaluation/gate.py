"""The gate: no package unless the expert is better than its base by the margin that was asked for, and surely so.

What counts is the lower end of the paired difference's interval, not the difference itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from expertbuild.evaluation.errors import EvaluationMistake, GateRefused


@dataclass(frozen=True)
class Verdict:
    passed: bool
    text: str


def verdict(evaluation: Mapping[str, Any], margin: float) -> Verdict:
    """Whether an evaluation document clears the margin, and the figures in one sentence."""
    if not -1 <= margin <= 1:
        raise EvaluationMistake(f"{margin!r} is not between -1 and 1.", where="evaluation.margin")
    overall = evaluation["overall"]
    low, high = overall["difference"]["interval"]
    passed = low >= margin
    figures = (
        f"the expert scored {_percent(overall['expert'])}, its base {_percent(overall['base'])}, n = {overall['n']}: "
        f"a difference of {overall['difference']['value'] * 100:+.1f} points, between {low * 100:+.1f} and "
        f"{high * 100:+.1f} with {evaluation['confidence']:.0%} confidence"
    )
    if passed:
        return Verdict(True, f"{figures}; the margin of {margin * 100:.1f} points is cleared")
    return Verdict(False, f"{figures}; a margin of {margin * 100:.1f} points was asked for")


def require(evaluation: Mapping[str, Any], margin: float) -> Verdict:
    """The verdict, or a refusal with the figures."""
    found = verdict(evaluation, margin)
    if not found.passed:
        raise GateRefused(
            f"no package: {found.text}.",
            hint="Train longer, look at the failures in evaluation.json, or ask for less in evaluation.margin.",
        )
    return found


def _percent(figure: Mapping[str, Any]) -> str:
    low, high = figure["interval"]
    return f"{figure['value'] * 100:.1f} % ({low * 100:.1f} to {high * 100:.1f})"
