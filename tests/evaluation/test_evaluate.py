"""Base and expert side by side."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from expertbuild.data.rows import write_rows
from expertbuild.evaluation import transcript
from expertbuild.evaluation.errors import EvaluationMistake
from expertbuild.evaluation.evaluate import Judged, document, evaluate
from expertbuild.evaluation.scorers import Score
from runtime.artifact.schema import check
from runtime.home import shipped

SCORING = {"kind": "exact_match"}


def rows(count: int = 100) -> list[dict[str, Any]]:
    return [
        {
            "id": str(n),
            "messages": [{"role": "user", "content": f"say {n}"}],
            "answer": str(n),
            "stratum": "even" if n % 2 == 0 else "odd",
            "facts": {},
            "part": "new words" if n < 10 else "new seed",
        }
        for n in range(count)
    ]


def repeats(conversations: list[list[Any]]) -> list[str]:
    return [talk[-1]["content"].removeprefix("say ") for talk in conversations]


def repeats_even(conversations: list[list[Any]]) -> list[str]:
    return [text if int(text) % 2 == 0 else "?" for text in repeats(conversations)]


def silent(conversations: list[list[Any]]) -> list[str]:
    return ["" for _ in conversations]


def compared(base: Any, expert: Any, count: int = 100) -> dict[str, Any]:
    judged = [evaluate(rows(count), answers, SCORING) for answers in (base, expert)]
    return document(*judged, scoring=SCORING, decoding={"temperature": 0.0}, grammar=False)


def test_the_document_is_of_its_schema_and_has_every_case_by_kind_and_part() -> None:
    made = compared(silent, repeats_even)
    jsonschema.validate(
        json.loads(json.dumps(made)), json.loads((shipped("schemas") / "evaluation.schema.json").read_text())
    )
    assert made["overall"]["expert"]["value"] == 0.5
    assert made["overall"]["base"] == {"value": 0.0, "interval": [0.0, pytest.approx(0.037, abs=1e-3)], "n": 100}
    assert made["overall"]["changed"] == {"better": 50, "worse": 0}
    assert {name: each["expert"]["value"] for name, each in made["strata"].items()} == {"even": 1.0, "odd": 0.0}
    assert {name: each["n"] for name, each in made["parts"].items()} == {"new words": 10, "new seed": 90}


def test_failures_are_kept_to_be_read() -> None:
    failures = compared(silent, repeats_even)["failures"]
    assert len(failures) == 3
    assert failures[0] == {
        "id": "1",
        "stratum": "odd",
        "asked": "say 1",
        "expected": "1",
        "answered": "?",
        "score": 0.0,
        "reason": "differs from the expected answer",
    }


def test_the_system_prompt_reaches_whoever_answers_and_progress_is_told() -> None:
    seen: list[Any] = []
    told: list[dict[str, Any]] = []

    def answers(conversations: list[list[Any]]) -> list[str]:
        seen.extend(conversations)
        return repeats(conversations)

    evaluate(rows(50), answers, SCORING, system="be brief", report=lambda **fields: told.append(fields), label="expert")
    assert all(talk[0] == {"role": "system", "content": "be brief"} for talk in seen)
    assert told[-1]["step"] == told[-1]["total"] == 50
    assert told[-1]["message"] == "expert 50 of 50 right"


def test_an_empty_test_set_and_unequal_cases_are_refused() -> None:
    with pytest.raises(EvaluationMistake, match="no case"):
        evaluate([], repeats, SCORING)
    one = evaluate(rows(3), repeats, SCORING)
    with pytest.raises(EvaluationMistake, match="not asked the same cases"):
        document(one, one[::-1], scoring=SCORING, decoding={}, grammar=False)


def test_judged_cases_keep_what_was_said() -> None:
    judged = evaluate(rows(2), repeats_even, SCORING)
    assert [(each.output, each.score) for each in judged] == [("0", 1.0), ("?", 0.0)]
    assert isinstance(judged[0], Judged)


def test_answers_that_are_kept_are_put_beside_anothers(tmp_path: Path) -> None:
    judged = evaluate(rows(3), repeats_even, SCORING)
    write_rows(tmp_path / transcript.NAME, transcript.transcript(judged, judged))
    assert transcript.answers(tmp_path, rows(3)) == judged


def test_cases_that_got_worse_are_kept_with_what_was_said_before() -> None:
    made = compared(repeats, repeats_even)
    assert made["overall"]["changed"] == {"better": 0, "worse": 50}
    assert [(case["id"], case["before"], case["answered"]) for case in made["worse"][:2]] == [
        ("1", "1", "?"),
        ("3", "3", "?"),
    ]
    assert len(made["worse"]) == 5


def test_form_is_counted_apart_from_being_right_and_left_out_where_there_is_none() -> None:
    def braces(conversations: list[list[Any]]) -> list[str]:
        return ["{}" if int(text) % 4 else "{" for text in repeats(conversations)]

    cases = [{**row, "answer": "{}"} for row in rows(40)]
    scoring = {"kind": "json_equal"}
    judged = [evaluate(cases, answers, scoring) for answers in (silent, braces)]
    made = document(*judged, scoring=scoring, decoding={}, grammar=True)
    check(json.loads(json.dumps(made)), "evaluation", "made")
    assert made["well_formed"]["expert"]["value"] == 0.75 and made["well_formed"]["expert"]["n"] == 40
    assert made["well_formed"]["base"]["value"] == 0
    assert [case["answered"] for case in made["well_formed"]["broken"]] == ["{"] * 5
    assert "well_formed" not in compared(silent, repeats)


def test_an_answer_that_a_scorer_does_not_stand_fails_its_case_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    from expertbuild.evaluation.scorers import exact_match

    def fragile(answer: str, row: dict[str, Any]) -> Score:
        if answer == "bad":
            raise OverflowError("too far")
        return Score(float(answer == row["answer"]), "said \ud800")

    monkeypatch.setattr(exact_match, "score", fragile)
    asked = rows(4)
    judged = evaluate(asked, lambda _: ["bad", *(row["answer"] for row in asked[1:])], {"kind": "exact_match"})
    assert [each.score for each in judged] == [0, 1, 1, 1]
    assert judged[0].reason == "the scorer gives up: OverflowError: too far"
    assert judged[1].reason == "said ?", "half of a letter cannot be written to a file"
