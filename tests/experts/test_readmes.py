"""The examples on experts' pages are cases of their own test sets, rightly answered, and what the built expert says."""

import importlib.util
import subprocess
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

from runtime.home import shipped
from tests.compose.test_grammars import accepts
from tests.road.roads import TOP, Road

PAGE = TOP / "docs" / "examples.py"


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("examples", PAGE)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


EXAMPLES = script()
SHOWN = [path.name for path in sorted(Path(shipped("experts")).iterdir()) if EXAMPLES.examples(path.name)]


@cache
def known(expert: str) -> dict[str, dict[str, object]]:
    return {EXAMPLES.asked(row): row for row in EXAMPLES.cases(expert)}


def test_the_first_expert_of_the_readme_has_examples() -> None:
    assert "expert-json" in SHOWN


@pytest.mark.parametrize("expert", SHOWN)
def test_examples_are_cases_of_the_test_set_rightly_answered_within_the_grammar(expert: str) -> None:
    right = EXAMPLES.judge(expert)
    for question, answer in EXAMPLES.examples(expert):
        row = known(expert).get(question)
        assert row is not None, f"no case of the test set: {question}"
        assert right(answer, row) == 1, (question, answer)
        assert accepts(expert, answer)


@pytest.mark.parametrize("expert", SHOWN)
def test_examples_show_every_kind_of_case_once(expert: str) -> None:
    rows = [known(expert)[question] for question, _ in EXAMPLES.examples(expert)]
    kinds = ["unanswerable" if EXAMPLES.unanswerable(row) else str(row["stratum"]) for row in rows]
    assert len(kinds) >= 3 and len(set(kinds)) == len(kinds)


@pytest.mark.slow
@pytest.mark.parametrize("expert", SHOWN)
def test_the_built_expert_answers_as_its_page_says(expert: str, tmp_path: Path) -> None:
    """A whole build; on another processor a training may differ in its last digits."""
    road = Road(tmp_path)
    done = road.run(f"expert={expert}")
    assert done.returncode == 0, done.stdout + done.stderr
    said = subprocess.run([sys.executable, str(PAGE), expert, "--check"], env=road.env, capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
