"""Fields are held against the clause that tells them: optional, many, and of which kind."""

import pytest

from runtime.checks import doubted
from runtime.checks.code_told import tells
from runtime.checks.code_types import types


def told(text: str, field: str) -> bool:
    """Whether a text may have said a field."""
    return tells(text, types(f"class A:\n    {field}")[0].fields)


@pytest.mark.parametrize(
    ("text", "right", "wrong"),
    [
        ("An A has a weight (number).", "weight: float", "weight: float | None = None"),
        ("An A has an optional weight (number).", "weight: float | None = None", "weight: float"),
        ("An A has a weight (number) if it is known.", "weight: float | None", "weight: float"),
        ("- weight: number, optional", "weight: NotRequired[float]", "weight: float"),
        ("perhaps a weight, which is a number", "weight: float | None = None", "weight: float"),
        ("many parts (text)", "parts: list[str]", "parts: str"),
        ("- parts: list of text", "parts: list[str]", "parts: list[int]"),
        ("a part (text)", "part: str", "part: list[str]"),
        ("a lot number, int", "lot_number: int", "lot_number: float"),
        ("weight as whole number", "weight: int", "weight: float"),
        ("whether it is open", "open: bool", "open: str"),
        ("- open = yes or no", "open: bool", "open: int"),
    ],
)
def test_a_clause_tells_one_field(text: str, right: str, wrong: str) -> None:
    assert told(text, right) and not told(text, wrong)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("It may have a weight (number).", "weight: float | None = None"),
        ("The weight and the weight again (text)", "weight: float"),  # twice
        ("weight and parts as text", "weight: float"),  # of another one
        ("a weight in kilograms", "weight: float"),
        ("class A:\n    weight: list[str]", "weight: float"),  # code
        ("A has a weight (number). Write it as text.", "weight: float"),
    ],
)
def test_what_is_not_plain_is_let_pass(text: str, field: str) -> None:
    assert told(text, field)


def test_an_answer_that_mixes_up_what_is_optional_is_doubted() -> None:
    asked = [{"role": "user", "content": "Make an interface Wolf: a country (text), an optional rating (number)."}]
    code = "export interface Wolf {{\n  country{}: string;\n  rating{}: number;\n}}"
    assert not doubted("code_fields", asked, code.format("", "?"))
    for marks in (("?", ""), ("", ""), ("?", "?")):
        assert doubted("code_fields", asked, code.format(*marks)), marks
