"""Types are held against the documents they were made for: keys, kinds, what may be missing and what may be null."""

import json
from typing import Any

import pytest

from runtime.checks import doubted, passed
from runtime.checks.code_fit import fits
from runtime.checks.code_types import types

SEVERAL = [{"rank": 1, "tags": ["a"]}, {"rank": None, "tags": [], "title": "A"}]
RIGHT = {
    "dataclass": "class A:\n    rank: int | None\n    tags: list[str]\n    title: str | None = None",
    "TypedDict": "class A(TypedDict):\n    rank: int | None\n    tags: list[str]\n    title: NotRequired[str]",
    "interface": "interface A {\n  rank: number | null;\n  tags: string[];\n  title?: string;\n}",
    "struct": "pub struct A {\n    pub rank: Option<i64>,\n    pub tags: Vec<String>,\n    pub title: Option<String>,\n}",
}


@pytest.mark.parametrize("form", RIGHT)
def test_what_some_lack_may_be_missing(form: str) -> None:
    assert fits([SEVERAL], types(RIGHT[form]))
    lines = RIGHT[form].splitlines()
    for wrong in (
        RIGHT[form].replace(" | None\n", "\n").replace(" | null", "").replace("Option<i64>", "i64"),
        RIGHT[form]
        .replace("| None = None", "")
        .replace("NotRequired[str]", "str")
        .replace("?:", ":")
        .replace("Option<String>", "String"),
        RIGHT[form].replace("list[str]", "str").replace("string[]", "string").replace("Vec<String>", "String"),
        RIGHT[form].replace("int", "str").replace("number", "string").replace("i64", "String"),
        RIGHT[form]
        .replace("list[str]", "list[int]")
        .replace("string[]", "number[]")
        .replace("Vec<String>", "Vec<i64>"),
        "\n".join(line for line in lines if "rank" not in line),
        RIGHT[form].replace("rank", "place"),
    ):
        assert wrong != RIGHT[form] and not fits([SEVERAL], types(wrong)), wrong


@pytest.mark.parametrize(
    ("found", "code", "fit"),
    [
        ({"unitPrice": 1.5}, "struct A {\n    unit_price: f64,\n}", False),
        ({"unitPrice": 1.5}, '#[serde(rename_all = "camelCase")]\nstruct A {\n    unit_price: f64,\n}', True),
        ({"unitPrice": 1.5}, 'struct A {\n    #[serde(rename = "unitPrice")]\n    unit_price: f64,\n}', True),
        ({"unitPrice": 1.5}, "interface A {\n  unitPrice: number;\n}", True),
        ({"a": {"b": True}}, "class In:\n    b: bool\n\n\nclass A:\n    a: In", True),
        ({"a": [{"b": 1}, {}]}, "class In:\n    b: int | None = None\n\n\nclass A:\n    a: list[In]", True),
        ({"a": {"b": True}}, "class A:\n    a: str", False),
        ({"a": None, "b": []}, "class A:\n    a: Any\n    b: list[Any]", True),
        ({"a": [[1]]}, "class A:\n    a: list[list[int]]", True),
        ({"a": [1, 2.5]}, "class A:\n    a: list[float]", True),
        ({"a": [1, "b"]}, "class A:\n    a: list[int | str]", True),
        ([1, 2], "class A:\n    a: int", True),  # of which there is nothing to say
    ],
)
def test_keys_and_kinds(found: Any, code: str, fit: bool) -> None:
    assert fits([found], types(code)) == fit


def test_an_answer_that_does_not_fit_its_document_is_doubted() -> None:
    asked = [{"role": "user", "content": f"Write a dataclass A for this:\n{json.dumps(SEVERAL)}"}]
    right = f"from dataclasses import dataclass\n\n\n@dataclass(kw_only=True)\n{RIGHT['dataclass']}"
    wrong = right.replace(" | None\n", "\n")
    assert doubted("code_fields", asked, wrong) and not doubted("code_fields", asked, right)
    assert passed("code_fields", asked, [wrong, right]) == 1


def test_what_is_within_is_called_by_its_key() -> None:
    asked = [{"role": "user", "content": 'An interface A for {"parts": [{"size": 1}]}'}]
    code = "export interface {0} {{\n  size: number;\n}}\n\nexport interface A {{\n  parts: {0}[];\n}}"
    assert not doubted("code_fields", asked, code.format("Part"))
    assert doubted("code_fields", asked, code.format("Piece")) and doubted("code_fields", asked, code.format("A"))
