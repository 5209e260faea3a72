"""The gate: what it asks, and what a refusal says."""

from typing import Any

import pytest

from expertbuild.evaluation.errors import EvaluationMistake, GateRefused
from expertbuild.evaluation.evaluate import compared as figures
from expertbuild.evaluation.evaluate import evaluate, paired, worse
from expertbuild.evaluation.gate import release_verdict, require, verdict
from runtime.artifact.schema import check
from tests.evaluation.test_evaluate import SCORING, compared, repeats, repeats_even, rows, silent

OPEN = {"margin": -1}


def released(before: Any, after: Any, count: int = 100) -> dict[str, Any]:
    """An evaluation of `after` with a release that answered as `before`."""
    made = compared(silent, after, count)
    pairs = paired(*(evaluate(rows(count), answers, SCORING) for answers in (before, after)))
    made["released"] = {"version": "0.1.0", "id": "a" * 64, **figures(pairs, "released", 0.95), "worse": worse(pairs)}
    check(made, "evaluation", "made")
    return made


def formed(right: int, of: int) -> dict[str, Any]:
    """An evaluation in which so many answers were of the form."""

    def braces(conversations: list[list[Any]]) -> list[str]:
        return ["{}" if int(text) < right else '{"a":' for text in repeats(conversations)]

    from expertbuild.evaluation.evaluate import document

    cases = [{**row, "answer": "{}"} for row in rows(of)]
    scoring = {"kind": "json_equal"}
    judged = [evaluate(cases, answers, scoring) for answers in (silent, braces)]
    return document(*judged, scoring=scoring, decoding={}, grammar=True)


def test_the_margin_counts_the_lower_end_of_the_difference() -> None:
    sure, doubtful = compared(silent, repeats_even), compared(silent, repeats_even, count=4)
    assert sure["overall"]["difference"]["value"] == doubtful["overall"]["difference"]["value"] == 0.5
    assert verdict(sure, 0.3).passed
    assert not verdict(doubtful, 0.3).passed
    assert not verdict(sure, 0.45).passed, "0.5 itself would clear it, its lower end does not"


def test_a_refusal_names_the_figures_counts_the_cases_and_shows_some() -> None:
    with pytest.raises(GateRefused) as refused:
        require(compared(repeats, repeats_even), {"margin": 0.1})
    first, *cases = str(refused.value).splitlines()
    for figure in ("100.0 % (96.3 to 100.0)", "n = 100", "-50.0 points", "95% confidence", "margin of 10.0 points"):
        assert figure in first
    assert "0 cases got better and 50 worse" in first
    assert cases[0].strip() == "case 1: asked 'say 1', got '?', before '1' (differs from the expected answer)"
    assert len(cases) == 3
    assert refused.value.exit_code == 1
    with pytest.raises(EvaluationMistake, match=r"evaluation\.margin"):
        verdict(compared(silent, repeats), 10)


def test_an_expert_worse_than_its_base_never_passes() -> None:
    assert not verdict(compared(repeats, silent), 0.0).passed
    assert not verdict(compared(silent, silent), 0.0).passed, "no difference is no gain"


def test_form_is_asked_for_by_the_lower_end_of_its_share() -> None:
    require(formed(100, 100), OPEN | {"well_formed": 0.96})
    with pytest.raises(GateRefused, match=r"100\.0 % \(96\.3 to 100\.0\) of its answers are well formed.*97\.0 % were"):
        require(formed(100, 100), OPEN | {"well_formed": 0.97})
    with pytest.raises(GateRefused, match=r"case 90: asked 'say 90', got '\{\"a\":' \(not JSON"):
        require(formed(90, 100), OPEN | {"well_formed": 0.9})
    require(formed(0, 100), OPEN)


def test_form_cannot_be_asked_for_where_any_text_has_it() -> None:
    with pytest.raises(EvaluationMistake, match=r'evaluation\.well_formed: the scorer "exact_match" takes any text'):
        require(compared(silent, repeats), OPEN | {"well_formed": 0.5})


def test_what_is_surely_worse_than_the_last_release_is_refused_with_cases_that_got_worse() -> None:
    with pytest.raises(GateRefused) as refused:
        require(released(repeats, repeats_even), OPEN)
    said = str(refused.value)
    assert "the release 0.1.0 scored 100.0 % (96.3 to 100.0) on the same 100 cases" in said
    assert "0 cases got better and 50 worse; no loss is let pass" in said
    assert "case 1: asked 'say 1', got '?', before '1'" in said


def test_what_may_be_no_worse_passes_and_a_loss_can_be_let_pass() -> None:
    assert release_verdict(released(repeats, repeats), 0.0).passed
    assert release_verdict(released(repeats_even, repeats), 0.0).passed
    few = released(repeats, repeats_even, count=4)
    assert few["released"]["difference"]["value"] == -0.5
    assert release_verdict(few, 0.0).passed, "two of four may be chance"
    assert release_verdict(released(repeats, repeats_even), 0.5).passed
    assert not release_verdict(released(repeats, repeats_even), 0.3).passed


def test_a_first_release_has_nothing_to_be_compared_with_and_it_is_said() -> None:
    made = {**compared(silent, repeats), "released": None}
    assert [each.text for each in require(made, OPEN)][2] == "there is no earlier release to compare with"
    made["released"] = {"version": "0.1.0", "id": "a" * 64, "unlike": "it has no variant for this base"}
    check(made, "evaluation", "made")
    assert "0.1.0 cannot be compared with: it has no variant" in require(made, OPEN)[2].text


def test_all_that_speaks_against_it_is_said_at_once() -> None:
    made = {**formed(50, 100), "released": released(repeats, silent)["released"]}
    with pytest.raises(GateRefused) as refused:
        require(made, {"margin": 0.9, "well_formed": 0.9})
    said = str(refused.value)
    assert all(part in said for part in ("a margin of 90.0", "90.0 % were asked for", "no loss is let pass"))
