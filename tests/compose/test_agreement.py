"""What the configuration may name is what the project knows: the schemas' names and the tables in the code agree."""

import importlib
import inspect
from dataclasses import fields
from typing import Any

import pytest

from expertbuild.compose.check import FORMLESS
from expertbuild.compose.schemas import documents
from expertbuild.data.generators.tasks import GENERATORS
from expertbuild.data.measures import MEASURES
from expertbuild.data.sources import SOURCES
from expertbuild.data.transforms import TRANSFORMS
from expertbuild.evaluation.scorers import SCORERS, form
from expertbuild.training.adapters import ADAPTERS
from expertbuild.training.settings import Settings


def kinds(schema: str) -> set[str]:
    return set(documents()[schema]["properties"]["kind"]["enum"])


@pytest.mark.parametrize(
    ("schema", "known"),
    [("adapter", ADAPTERS), ("source", SOURCES), ("transform", TRANSFORMS), ("scorer", SCORERS)],
    ids=lambda each: str(each)[:20],
)
def test_every_kind_that_may_be_named_is_there_and_the_other_way_round(schema, known):
    assert kinds(schema) == set(known.modules)


def test_generators_and_measures_are_those_there_are():
    source: Any = documents()["source"]
    assert set(source["allOf"][0]["then"]["properties"]["name"]["enum"]) == set(GENERATORS.modules)
    assert set(documents()["recipe"]["properties"]["measures"]["propertyNames"]["enum"]) == set(MEASURES.modules)


def test_every_scorer_takes_the_options_that_may_be_written():
    for kind, module in SCORERS.modules.items():
        taken = list(inspect.signature(importlib.import_module(module).score).parameters)[2:]
        assert set(documents()["scorer"]["$defs"][kind]["properties"]) - {"kind"} == set(taken), kind


def test_the_scorers_that_take_any_text_are_those_without_a_form_of_their_own():
    without = {kind for kind in SCORERS.modules if form({"kind": kind}) is None}
    assert without == set(FORMLESS)


def test_every_generator_takes_the_options_that_may_be_written():
    of_every_source = {"kind", "name", "rows", "weight", "part"}
    for name in GENERATORS.modules:
        generator = GENERATORS.load(name)
        taken = set(list(inspect.signature(generator.draw).parameters)[1:])
        taken |= {"questions"} if hasattr(generator, "draw_several") else set()
        assert set(documents()["source"]["$defs"][name]["properties"]) - of_every_source == taken, name


def test_every_training_setting_may_be_configured_and_no_other():
    assert set(documents()["train"]["properties"]) == {field.name for field in fields(Settings)}
