"""The schemas of the configuration, and what the validator's findings are called."""

from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from expertbuild.compose.schemas import documents, violations
from runtime.settings import settings


def objects(schema: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object schema inside a schema, but for conditions, which only pick one of `$defs`."""
    if isinstance(schema, dict):
        if "properties" in schema and schema.get("type") != "string":
            yield path, schema
        for key, value in schema.items():
            if key not in ("allOf", "enum", "const", "default"):
                yield from objects(value, f"{path}/{key}")
    elif isinstance(schema, list):
        for index, value in enumerate(schema):
            yield from objects(value, f"{path}/{index}")


@pytest.mark.parametrize("name", sorted(documents()))
def test_each_schema_is_one_by_the_2020_12_rules_and_describes_every_property(name):
    schema = documents()[name]
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["title"] and schema["description"]
    for path, each in objects(schema, name):
        for key, one in each["properties"].items():
            assert one.get("description", "").endswith((".", ":")) or "`" in one.get("description", ""), f"{path}.{key}"


@pytest.mark.parametrize("name", sorted(documents()))
def test_unknown_keys_are_refused_wherever_the_shape_is_known(name):
    for path, each in objects(documents()[name], name):
        assert "allOf" in each or "additionalProperties" in each, path  # allOf: the keys depend on the kind


def said(config: Any, schema: str) -> list[str]:
    return [f"{what} {hint}".strip() for _, what, hint in violations(config, schema)]


def test_several_unknown_and_missing_keys_are_told_one_by_one():
    lines = said({"temperature": 0, "topp": 1, "top": 1}, "generation")
    assert sorted(lines) == [
        'there is no key "top". Did you mean top_p?',
        'there is no key "topp". Did you mean top_p?',
        "top_k is missing. Draw among this many of the likeliest tokens; 0: all.",
        "top_p is missing. Draw among the likeliest tokens that make up this share; 1: all.",
    ]


def test_numbers_are_numbers_and_not_truth_values_or_infinities():
    right = {"temperature": 0, "top_p": 1, "top_k": 0}
    assert said(right, "generation") == []
    assert said({**right, "top_k": True}, "generation") == ["top_k must be a whole number, not true."]
    assert said({**right, "top_k": 1.0}, "generation") == ["top_k must be a whole number, not 1.0."]
    assert said({**right, "temperature": float("inf")}, "generation") == ["temperature must be a number, not Infinity."]


def test_long_values_are_shown_cut():
    [line] = said({"temperature": "x" * 500, "top_p": 1, "top_k": 0}, "generation")
    assert len(line) < 120 and line.endswith("....")


def test_what_the_server_runs_when_nothing_is_said_is_valid():

    assert said(settings([]), "serve") == []
