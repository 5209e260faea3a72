"""What was said, case by case: kept whole, and the outputs a person is shown are of many kinds."""

from pathlib import Path
from typing import Any

import pytest

from expertbuild.data.rows import write_rows
from expertbuild.evaluation import transcript
from expertbuild.evaluation.answering import keeps
from expertbuild.evaluation.evaluate import evaluate
from runtime.engine.base import locate
from runtime.engine.engine import Engine
from tests.evaluation.test_evaluate import SCORING, repeats_even, rows, silent


def case(number: int, score: float, stratum: str = "one") -> dict[str, Any]:
    return {"id": str(number), "stratum": stratum, "expert": {"score": score}}


def ids(cases: list[dict[str, Any]]) -> list[str]:
    return [each["id"] for each in cases]


def test_a_transcript_is_read_as_it_was_written(tmp_path: Path) -> None:
    asked = rows(4)
    asked[1]["answer"] = "a line\u2028another"
    judged = [evaluate(asked, answers, SCORING) for answers in (silent, repeats_even)]
    made = list(transcript.transcript(*judged))
    write_rows(tmp_path / transcript.NAME, made)
    assert transcript.read(tmp_path) == made and ids(made) == ["0", "1", "2", "3"]
    assert made[2]["asked"] == "say 2" and made[2]["expert"]["answered"] == "2" and made[2]["base"]["answered"] == ""
    assert [each["expert"]["score"] for each in made] == [1, 0, 1, 0] and made[1]["expected"] == "a line\u2028another"


def test_good_and_bad_outputs_are_apart_and_take_turns_by_kind() -> None:
    cases = [case(n, float(n % 3 > 0), "rare" if n in (7, 9) else "often") for n in range(30)]
    shown = transcript.examples(cases, 5)
    assert ids(shown["good"]) == ["1", "7", "2", "4", "5"] and ids(shown["bad"]) == ["0", "9", "3", "6", "12"]
    perfect, hopeless = ([case(n, score) for n in range(3)] for score in (1.0, 0.0))
    assert [len(shown) for shown in transcript.examples(perfect, 5).values()] == [3, 0]
    assert [len(shown) for shown in transcript.examples(hopeless, 5).values()] == [0, 3]
    assert transcript.examples([], 5) == {"good": [], "bad": []}


def test_of_graded_scores_the_best_and_the_worst_are_shown() -> None:
    shown = transcript.examples([case(n, score) for n, score in enumerate((0.5, 0.9, 0.1, 0.7, 0.2))], 2)
    assert ids(shown["good"]) == ["1", "3"] and ids(shown["bad"]) == ["2", "4"]


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine.load(locate("package:nano"), cache_tokens=64)


def test_a_text_keeps_a_grammar_from_its_first_letter_to_its_last(engine: Engine) -> None:
    kept = keeps(engine, 'root ::= "[" [0-9]+ ("," [0-9]+)* "]"')
    assert kept("[1]") and kept("[10,200,3]")
    for text in ("", "[1", "[1] ", " [1]", "[1]]", "1", "[a]", "[1,]"):
        assert not kept(text), text
    assert keeps(engine, 'root ::= "a"*')("")
