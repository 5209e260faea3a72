"""What every expert's directory has: three recipes, pinned and licensed, and a test set that its own grammar accepts."""

import re
from pathlib import Path

import pytest
import yaml

from expertbuild.data.recipe import Recipe
from runtime.engine.tokenizer import Tokenizer
from runtime.home import shipped
from runtime.service.bases import find_base
from tests.compose.test_grammars import accepts
from tests.experts.test_readmes import EXAMPLES

EXPERTS = [path.name for path in sorted(Path(shipped("experts")).iterdir())]
# Data sets of which no commit was known: their recipe asks for one, and is never the one called `hub`.
UNNAMED = {("expert-neo4j", "hub_2025")}


@pytest.mark.parametrize("expert", EXPERTS)
def test_there_are_an_offline_recipe_a_public_one_and_one_for_files_of_ones_own(expert: str) -> None:
    recipes = EXAMPLES.settings(expert, "dataset")
    assert {"offline", "hub", "files"} <= set(recipes)
    assert {source["kind"] for source in recipes["offline"]["sources"]} == {"generator"}
    assert {source["kind"] for source in recipes["files"]["sources"]} == {"files"}


@pytest.mark.parametrize("expert", EXPERTS)
def test_every_generator_of_a_recipe_knows_how_many_rows_it_writes(expert: str) -> None:
    for name, given in EXAMPLES.settings(expert, "dataset").items():
        recipe = Recipe.read(given)
        for source in (*recipe.sources, *recipe.test_sources):
            assert source["kind"] not in ("generator", "questions") or source["rows"] > 0, name


@pytest.mark.parametrize("expert", EXPERTS)
def test_public_data_is_pinned_to_a_commit_and_its_licence_written_down(expert: str) -> None:
    recipes = EXAMPLES.settings(expert, "dataset")
    text = (shipped("experts") / expert / "dataset.yaml").read_text(encoding="utf-8")
    for name in (name for name in recipes if name.startswith("hub")):
        said = re.search(rf"^{name}: +# (.*)$", text, re.M)
        assert said and re.search(r"Apache-2\.0|MIT|CC.BY.4\.0", said[1])
        for source in (*recipes[name]["sources"], *recipes[name].get("test_sources", ())):
            pin = source.get("revision") or source["repository"].rpartition("@")[2]
            assert bool(re.fullmatch("[0-9a-f]{40}", pin)) == ((expert, name) not in UNNAMED)


@pytest.mark.parametrize("expert", EXPERTS)
def test_the_grammar_accepts_the_whole_test_set_and_no_answer_is_too_long(expert: str) -> None:
    nano = Tokenizer.load(find_base("nano").directory)
    most = yaml.safe_load((shipped("experts") / expert / "decoding.yaml").read_text(encoding="utf-8"))["max_tokens"]
    answers = [row["answer"] for row in EXAMPLES.cases(expert)]
    assert len(answers) >= 300
    assert [answer for answer in answers if not accepts(expert, answer)] == []
    assert max(len(nano.encode(answer)) for answer in answers) < most


@pytest.mark.parametrize("expert", EXPERTS)
def test_some_cases_have_no_answer_and_are_a_stratum_of_their_own(expert: str) -> None:
    rows = list(EXAMPLES.cases(expert))
    lost = [row for row in rows if EXAMPLES.unanswerable(row)]
    assert 0.015 < len(lost) / len(rows) < 0.08
    strata = {row["stratum"] for row in lost}
    assert not strata & {row["stratum"] for row in rows if not EXAMPLES.unanswerable(row)}
