"""The gate: no package unless the expert is surely better than its base, well formed, and not worse than its last release.

What counts are the ends of intervals, not figures themselves: a margin has to be cleared by the lower end, a share of
well-formed answers too, and a release is refused as worse when the whole interval lies below what is let pass.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from expertbuild.evaluation.errors import EvaluationMistake, GateRefused

MOST_SHOWN = 3
LONGEST_SHOWN = 100


@dataclass(frozen=True)
class Verdict:
    passed: bool
    text: str
    cases: Sequence[Mapping[str, Any]] = ()  # some that speak against it


def require(evaluation: Mapping[str, Any], settings: Mapping[str, Any]) -> list[Verdict]:
    """The verdicts on an evaluation document by the bounds of `evaluation`, or a refusal with all that speaks against it."""
    found = [
        verdict(evaluation, settings["margin"]),
        form_verdict(evaluation, settings.get("well_formed", 0.0)),
        release_verdict(evaluation, settings.get("regression", 0.0)),
    ]
    against = [each for each in found if not each.passed]
    if against:
        shown = [line for each in against for line in (f"{each.text}.", *map(_shown, each.cases[:MOST_SHOWN]))]
        raise GateRefused(
            f"no package: {shown[0]}" + "".join(f"\n  {line}" for line in shown[1:]),
            hint="Train longer, look at the cases in evaluation.json, or ask for less: docs/gate.md has every bound.",
        )
    return found


def verdict(evaluation: Mapping[str, Any], margin: float) -> Verdict:
    """Whether the expert is better than its base by the margin, and the figures in one sentence."""
    if not -1 <= margin <= 1:
        raise EvaluationMistake(f"{margin!r} is not between -1 and 1.", where="evaluation.margin")
    overall = evaluation["overall"]
    low, _ = overall["difference"]["interval"]
    passed = low >= margin
    figures = (
        f"the expert scored {_percent(overall['expert'])}, its base {_percent(overall['base'])}, n = {overall['n']}: "
        f"a difference of {_points(overall['difference'])} with {evaluation['confidence']:.0%} confidence"
    )
    if passed:
        return Verdict(True, f"{figures}; the margin of {margin * 100:.1f} points is cleared")
    text = f"{figures}; a margin of {margin * 100:.1f} points was asked for; {_changed(overall)}"
    return Verdict(False, text, evaluation.get("worse", ()))


def form_verdict(evaluation: Mapping[str, Any], least: float) -> Verdict:
    """Whether so many answers are of the scorer's form, right or wrong."""
    formed = evaluation.get("well_formed")
    if formed is None:
        if least > 0:
            raise EvaluationMistake(
                f'the scorer "{evaluation["scorer"]["kind"]}" takes any text: no answer is ill-formed for it.',
                where="evaluation.well_formed",
                hint="Leave evaluation.well_formed out, or choose another scorer.",
            )
        return Verdict(True, "the scorer takes any text")
    figure = formed["expert"]
    passed = figure["interval"][0] >= least
    text = f"{_percent(figure)} of its answers are well formed, n = {figure['n']}"
    return Verdict(passed, text if passed else f"{text}; {least * 100:.1f} % were asked for", formed["broken"])


def release_verdict(evaluation: Mapping[str, Any], allowed: float) -> Verdict:
    """Whether the expert is not surely worse than its last release, by more than is let pass."""
    released = evaluation.get("released")
    if released is None:
        return Verdict(True, "there is no earlier release to compare with")
    if "unlike" in released:
        return Verdict(True, f"the release {released['version']} cannot be compared with: {released['unlike']}")
    passed = released["difference"]["interval"][1] >= -allowed
    text = (
        f"the release {released['version']} scored {_percent(released['released'])} on the same {released['n']} cases, "
        f"the new one {_percent(released['expert'])}: a difference of {_points(released['difference'])}; "
        f"{_changed(released)}"
    )
    if passed:
        return Verdict(True, text)
    limit = f"a loss of {allowed * 100:.1f} points is let pass" if allowed else "no loss is let pass"
    return Verdict(False, f"{text}; {limit}", released["worse"])


def _percent(figure: Mapping[str, Any]) -> str:
    low, high = figure["interval"]
    return f"{figure['value'] * 100:.1f} % ({low * 100:.1f} to {high * 100:.1f})"


def _points(figure: Mapping[str, Any]) -> str:
    low, high = figure["interval"]
    return f"{figure['value'] * 100:+.1f} points, between {low * 100:+.1f} and {high * 100:+.1f}"


def _changed(compared: Mapping[str, Any]) -> str:
    changed = compared["changed"]
    return f"{changed['better']} cases got better and {changed['worse']} worse"


def _shown(case: Mapping[str, Any]) -> str:
    before = f", before {_short(case['before'])}" if "before" in case else ""
    return f"case {case['id'][:12]}: asked {_short(case['asked'])}, got {_short(case['answered'])}{before} ({case['reason']})"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return repr(line if len(line) <= LONGEST_SHOWN else f"{line[: LONGEST_SHOWN - 1]}…")
