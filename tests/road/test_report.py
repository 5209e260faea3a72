"""The report of a real small build: its figures are those of the package, and nothing is done twice for it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from runtime.artifact.package import open_package
from runtime.artifact.schema import check
from tests.browsed import check_harmless
from tests.road.roads import SMOKE, Road

WORDS = ("expert=expert-json", *SMOKE)


@pytest.fixture
def built(road: Road) -> Path:
    """The output folder as the first build left it: other tests try other things in it."""
    done = road.run(*WORDS)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^report +build/expert-json-0\.1\.0\.html$", done.stdout, re.M)
    return road.folder / "build"


def read(folder: Path, name: str = "expert-json-0.1.0") -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    check(document, "build-report", f"{name}.json")
    return document


def test_the_figures_of_the_report_are_those_of_the_package(built: Path) -> None:
    document, page = read(built), (built / "expert-json-0.1.0.html").read_text(encoding="utf-8")
    with open_package(built / "expert-json-0.1.0.expert") as package:
        evaluation = json.loads(package.read("variants/nano/evaluation.json"))
        sizes = {name: member.size for name, member in package.members.items()}
        assert document["package"]["id"] == package.id and package.id in page
    variant = document["variants"]["nano"]
    assert {key: evaluation[key] for key in variant["evaluation"]} == variant["evaluation"]
    assert sizes.items() <= document["package"]["members"].items()
    assert check_harmless(page) == ["experts.html"]
    assert f"{evaluation['overall']['n']} cases that neither was trained on, scored by json_equal" in page
    assert [step["id"].partition("[")[0] for step in document["steps"]] == [
        *("base", "dataset", "grammar", "train", "compile", "evaluate", "profile", "package", "unguided"),
    ]
    assert sum(variant["data"]["drawn"].values()) == 900 and variant["curve"]["steps"] == 4
    assert variant["recipe"]["use"] == "offline" and variant["compiled"]["compression"]["kind"] == "bf16"


def test_the_examples_are_cases_of_the_evaluation_and_the_grammar_is_weighed_on_its_first_ones(
    built: Path, road: Road
) -> None:
    variant = read(built)["variants"]["nano"]
    [transcript] = {
        path.read_text(encoding="utf-8") for path in (road.folder / "home/cache/trees").glob("*/transcript.jsonl")
    }
    cases = [json.loads(line) for line in transcript.split("\n") if line]
    assert len(cases) == 12
    right = sum(case["expert"]["score"] for case in cases)
    assert right / 12 == pytest.approx(variant["evaluation"]["overall"]["expert"]["value"], abs=1e-5)
    assert all(case in cases for kind in ("good", "bad") for case in variant["examples"][kind])
    assert len(variant["examples"]["bad"]) == min(10, 12 - right)
    found = variant["unguided"]
    assert found["n"] == 6
    for who in ("expert", "base"):
        assert found[who]["with"]["value"] == pytest.approx(sum(case[who]["score"] for case in cases[:6]) / 6, abs=1e-5)
        assert found[who]["with"]["n"] == found[who]["without"]["n"] == found[who]["format_kept"]["with"]["n"] == 6


def test_a_second_build_touches_neither_page_nor_overview(built: Path, road: Road) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in built.iterdir()}
    done = road.run(*WORDS)
    assert {line.split(": ")[1] for line in done.stderr.splitlines()} == {"up to date"}
    assert {path.name: path.stat().st_mtime_ns for path in built.iterdir()} == before


def test_a_build_that_the_gate_refuses_has_a_report_that_says_so(built: Path, road: Road) -> None:
    done = road.run(*WORDS, "evaluation.margin=1")
    assert done.returncode == 1
    assert done.stdout == "report     build/expert-json-0.1.0.html\n"
    document = read(built)
    assert document["state"] == "refused" and document["package"] is None
    [failure] = document["failures"]
    assert failure["step"] == "package[expert-json]" and "a margin of 100.0 points was asked for" in failure["what"]
    assert document["variants"]["nano"]["evaluation"] and document["variants"]["nano"]["examples"]["bad"]
    overview = (built / "experts.html").read_text(encoding="utf-8")
    assert "refused by the gate" in overview and "a margin of 100.0 points was asked for" in overview


def test_the_overview_lists_every_expert_that_was_built_into_the_folder(built: Path, road: Road) -> None:
    done = road.run("-m", *WORDS, "expert.version=0.1.0,0.2.0", "report.without_grammar=0", "paths.output=other")
    assert done.returncode == 0, done.stderr
    other = road.folder / "other"
    assert check_harmless((other / "experts.html").read_text(encoding="utf-8")) == [
        "expert-json-0.1.0.html",
        "expert-json-0.2.0.html",
    ]
    assert read(other, "expert-json-0.2.0")["variants"]["nano"]["unguided"] is None
    assert "Not measured in this build." in (other / "expert-json-0.2.0.html").read_text(encoding="utf-8")
    assert check_harmless((built / "experts.html").read_text(encoding="utf-8")) == ["expert-json-0.1.0.html"]


def test_a_build_that_fails_before_the_package_has_a_report_of_what_it_came_to(road: Road) -> None:
    done = road.run(*WORDS, "compile.tolerance.none=1.0e-12", "paths.output=early")
    assert done.returncode == 1 and done.stdout == "report     early/expert-json-0.1.0.html\n"
    document = read(road.folder / "early")
    [failure] = document["failures"]
    assert document["state"] == "failed" and failure["step"] == "compile[expert-json,nano]"
    assert "differs from PEFT" in failure["what"]
    variant = document["variants"]["nano"]
    assert variant["curve"]["steps"] == 4 and variant["evaluation"] is None and variant["examples"]["good"] == []
