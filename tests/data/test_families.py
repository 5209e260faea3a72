"""Generators that ask several times about one thing: tables, a graph, a text."""

import random
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from expertbuild.data.errors import RecipeMistake
from expertbuild.data.generators.tasks import GENERATORS
from expertbuild.data.rows import Row
from expertbuild.data.sources import Place
from expertbuild.data.sources.generator import rows

SEVERAL = ["text_to_cypher", "text_to_json", "text_to_sql"]
ABOUT = {"text_to_cypher": "graph", "text_to_sql": "ddl"}
LOST = {"no such column", "no such property", "text, nothing told"}


def families(name: str, count: int, questions: int = 4, **options: Any) -> Iterator[list[Row]]:
    task = GENERATORS.load(name)
    rng = random.Random("families")
    for _ in range(count):
        yield list(task.draw_several(rng, questions, **options))


def alike(texts: list[str]) -> int:
    """With how many characters all of them begin."""
    return next((at for at, letters in enumerate(zip(*texts, strict=False)) if len(set(letters)) > 1), 0)


@pytest.mark.parametrize("name", SEVERAL)
def test_a_family_asks_about_one_thing(name: str) -> None:
    for family in families(name, 100):
        assert len(family) == 4
        assert len({row["group"] for row in family}) == 1
        if name in ABOUT:
            assert len({row["facts"][ABOUT[name]] for row in family}) == 1


@pytest.mark.parametrize("name", SEVERAL)
def test_most_families_begin_with_what_they_have_in_common(name: str) -> None:
    asked = [[row["messages"][0]["content"] for row in family] for family in families(name, 200)]
    shared = sum(alike(each) > 0.4 * len(each[0]) for each in asked)
    assert shared > (80 if name == "text_to_json" else 120)
    assert all("\0" not in text for each in asked for text in each)


@pytest.mark.parametrize("name", SEVERAL)
def test_kinds_come_as_often_as_when_each_stands_alone(name: str) -> None:
    rng = random.Random(5)
    task = GENERATORS.load(name)
    alone = Counter(task.draw(rng)["stratum"] for _ in range(4000))
    together = Counter(row["stratum"] for row in chain.from_iterable(families(name, 1000)))
    assert set(alone) == set(together)
    for stratum, count in alone.items():
        assert abs(count - together[stratum]) < 0.02 * 4000, stratum
    assert 0.03 < sum(together[stratum] for stratum in LOST) / 4000 < 0.05


@pytest.mark.parametrize("name", SEVERAL)
def test_held_out_words_stay_held_out(name: str) -> None:
    """A family draws from the same lists: none of its groups is one that training words could make."""
    trained = {row["group"] for row in chain.from_iterable(families(name, 300))}
    assert trained.isdisjoint(row["group"] for row in chain.from_iterable(families(name, 300, words="held_out")))


def test_a_source_gives_as_many_rows_as_it_was_asked_for(tmp_path: Path) -> None:
    spec = {"kind": "generator", "name": "text_to_sql", "rows": 30, "questions": 4}
    made = list(rows(spec, Place("1", tmp_path)))
    assert len(made) == len({row["id"] for row in made}) == 30
    assert 8 <= len({row["group"] for row in made}) <= 10


def test_a_generator_that_asks_once_says_so(tmp_path: Path) -> None:
    spec = {"kind": "generator", "name": "json_repair", "rows": 30, "questions": 4}
    with pytest.raises(RecipeMistake, match="asks once about each thing"):
        list(rows(spec, Place("1", tmp_path)))
