"""What the configuration may name is what the project knows: the schemas' names and the tables in the code agree."""

from dataclasses import fields
from typing import Any

import pytest

from expertbuild.compose.schemas import documents
from expertbuild.data.generators.tasks import GENERATORS
from expertbuild.data.measures import MEASURES
from expertbuild.data.sources import SOURCES
from expertbuild.data.transforms import TRANSFORMS
from expertbuild.training.adapters import ADAPTERS
from expertbuild.training.settings import Settings


def kinds(schema: str) -> set[str]:
    return set(documents()[schema]["properties"]["kind"]["enum"])


@pytest.mark.parametrize(
    ("schema", "known"),
    [("adapter", ADAPTERS), ("source", SOURCES), ("transform", TRANSFORMS)],
    ids=lambda each: str(each)[:20],
)
def test_every_kind_that_may_be_named_is_there_and_the_other_way_round(schema, known):
    assert kinds(schema) == set(known.modules)


def test_generators_and_measures_are_those_there_are():
    source: Any = documents()["source"]
    assert set(source["allOf"][0]["then"]["properties"]["name"]["enum"]) == set(GENERATORS.modules)
    assert set(documents()["recipe"]["properties"]["measures"]["propertyNames"]["enum"]) == set(MEASURES.modules)


def test_every_training_setting_may_be_configured_and_no_other():
    assert set(documents()["train"]["properties"]) == {field.name for field in fields(Settings)}
