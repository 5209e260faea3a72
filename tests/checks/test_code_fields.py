"""Fields that no type has are told below the code, in each language; what is right is let pass."""

import random
import time

import pytest

from expertbuild.data.generators import code_repair, text_to_function, types_from_json, types_from_text
from runtime.checks import doubted, passed, remark
from runtime.checks.code_types import types

PYTHON = """from dataclasses import dataclass


@dataclass(kw_only=True)
class Sofa:
    shelf_number: int
    parts: list[str]

"""
TYPESCRIPT = """export interface Sofa {
  shelfNumber: number;
  parts: string[];
}
"""
RUST = """#[derive(Debug, Clone, PartialEq)]
pub struct Sofa {
    pub shelf_number: i64,
    pub r#type: String,
}
"""
ASKED = "Write a function carry_sofas that lists the {} of all sofas."


def asked(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def read(text: str) -> dict[str, list[str]]:
    return {one.name: one.names for one in types(text)}


def test_types_are_read_in_every_language() -> None:
    assert read(PYTHON) == {"Sofa": ["shelf_number", "parts"]}
    assert read(TYPESCRIPT) == {"Sofa": ["shelfNumber", "parts"]}
    assert read("type Sofa = { readonly shelf: number, parts?: string[] }") == {"Sofa": ["shelf", "parts"]}
    assert read(RUST) == {"Sofa": ["shelf_number", "type"]}
    assert read("struct Sofa;\nclass A:\n    pass\ninterface B {}\nconst a = {b: 1};") == {}


@pytest.mark.parametrize(
    ("given", "code", "told"),
    [
        (PYTHON, "def carry_sofas(items: list[Sofa]) -> list[int]:\n    return [item.{} for item in items]", "#"),
        (
            TYPESCRIPT,
            "export function carry_sofas(items: Sofa[]): number[] {\n  return items.map((item) => item.{});\n}",
            "//",
        ),
        (
            RUST,
            "pub fn carry_sofas(items: &[Sofa]) -> Vec<i64> {\n    items.iter().map(|item| item.{}).collect()\n}",
            "//",
        ),
    ],
)
def test_a_field_that_was_asked_for_and_is_not_there_is_told(given: str, code: str, told: str) -> None:
    there = read(given)["Sofa"][0]

    def write(field: str) -> str:
        return code.replace("item.{}", f"item.{field}")

    lost = asked(given + ASKED.format("weight"))
    assert remark("code_fields", lost, write("weight")) == f"\n{told} cannot: Sofa has no field weight"
    right = asked(given + ASKED.format("shelf number"))
    assert not remark("code_fields", right, write(there)) and not doubted("code_fields", right, write(there))
    assert doubted("code_fields", right, write("width")) and not remark("code_fields", right, write("width"))
    assert passed("code_fields", right, [write("width"), write(there)]) == 1


@pytest.mark.parametrize(
    ("question", "answer", "said"),
    [
        ("Make a dataclass called Sofa.", "class Sofa:\n    weight: float", "# cannot: no fields are given"),
        ("Make an interface Sofa.", "interface Sofa {\n  weight: number;\n}", "// cannot: no fields are given"),
        ("Make a struct Sofa for [{}].", "pub struct Sofa {\n    pub weight: f64,\n}", "// cannot: it has no keys"),
        ("null\nWrite a TypedDict Sofa.", "class Sofa(TypedDict):\n    weight: float", "# cannot: it has no keys"),
        ("Turn this into a struct:\n{}", "pub struct This {\n    pub turn: Vec<Turn>,\n}", "// cannot: it has no keys"),
        ("A Sofa has a weight. Write a struct.", "pub struct Sofa {\n    pub weight: f64,\n}", ""),
        ('{"weight": 1.5}\nWrite a struct Sofa.', "pub struct Sofa {\n    pub weight: f64,\n}", ""),
    ],
)
def test_a_type_whose_fields_nobody_gave_is_told(question: str, answer: str, said: str) -> None:
    assert remark("code_fields", asked(question), answer).strip() == said
    assert not doubted("code_fields", asked(question), answer)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ('{"weight": 1, "unitPrice": 2}\nA struct Sofa.', "pub struct Sofa {\n    pub weight: f64,\n}"),
        ("A Sofa has a weight.", "interface Sofa {\n  weight: number;\n  width: number;\n}"),
        ("Write carry_sofas, the number 7.", "def carry_chairs():\n    return 7"),
        ("Write carry_sofas, the number 7.", "def carry_sofas():\n    return 8"),
        ("A Sofa has a weight.", "interface Chair {\n  weight: number;\n}"),
        ("A Sofa has a weight.", "interface Sofa {\n  weight: number;\n  weight: number;\n}"),
        ("A Sofa has a weight.", "struct Sofa {\n    weight: Weight<f64>,\n}"),
        ("A Sofa has an optional weight.", "struct Sofa {\n    weight: f64,\n}"),
        ('[{"weight": 1}, {"weight": null}]\nA Sofa.', "struct Sofa {\n    weight: f64,\n}"),
        ('{"part": {"weight": 1}}\nA Sofa.', "struct Sofa {\n    part: Sofa,\n    weight: f64,\n}"),
        ("A Sofa has a weight.", "interface sofa {\n  weight: number;\n}"),
        ("A Sofa has a unit price.", "interface Sofa {\n  unit_price: number;\n}"),
        ("A Sofa has a unit price.", "class Sofa:\n    unitPrice: float"),
        ("A Sofa has a weight.", "class Sofa:\n    weight: float\n\n\nclass Sofa:\n    weight: float"),
        ("Write it.", "def carry(items):\n    return [item for one in items]"),
    ],
)
def test_what_was_left_out_or_made_up_is_doubted(question: str, answer: str) -> None:
    assert doubted("code_fields", asked(question), answer)
    assert not remark("code_fields", asked(question), answer)


@pytest.mark.parametrize("language", ["python", "typescript", "rust"])
@pytest.mark.parametrize("task", [text_to_function, types_from_json, types_from_text, code_repair])
def test_a_right_answer_is_never_told_and_seldom_doubted(task, language) -> None:  # type: ignore[no-untyped-def]
    rng, doubts = random.Random(f"{task.__name__} {language}"), 0
    for number in range(200):
        words, phrasings = ("train", "held_out") if number % 2 else ("held_out", "train")
        row = task.draw(rng, language=language, words=words, phrasings=phrasings)
        assert not remark("code_fields", row["messages"], row["answer"]), row
        doubts += doubted("code_fields", row["messages"], row["answer"])
    assert doubts <= 5


@pytest.mark.parametrize("text", ["class A:\n  b: int\n", "struct A {", "[", '{"a": ', "a.b ", "interface A { b: "])
def test_a_hostile_prompt_takes_a_moment(text: str) -> None:
    begun = time.thread_time()
    doubted("code_fields", asked(text * 5_000), text * 1_500)
    assert time.thread_time() - begun < 5


@pytest.mark.parametrize(
    "answer",
    [
        "class Part:\n    pass\n\n\ndef carry() -> Part:\n    raise ValueError(Part)",
        "from typing import Any\n\n\ndef carry(items: list[Any]) -> Any:\n    return [item for item in items]",
    ],
)
def test_what_code_brings_along_stands_somewhere(answer: str) -> None:
    assert not doubted("code_fields", asked("Write carry."), answer)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        (
            "Fix this:\ndef carry_sofasitems: list[Sofa]): return items",
            "def carry_sofas(items: list[Sofa]):\n    return items",
        ),
        ("Fix this:\ndef carry(items: listSofa]): return items", "def carry(items: list[Sofa]):\n    return items"),
        ("Write the interface sofa with a weight (number).", "interface sofa {\n  weight: number;\n}"),
        ("A Sofa has a unitPrice.", "class Sofa:\n    unitPrice: float"),
    ],
)
def test_what_stands_there_in_another_way_is_let_pass(question: str, answer: str) -> None:
    assert not doubted("code_fields", asked(question), answer)


def test_a_field_called_like_the_type_was_never_asked_for() -> None:
    wrong = "def carry_sofas(items: list[Sofa]) -> list[int]:\n    return [item.sofas for item in items]"
    question = asked(PYTHON + "Write a function carry_sofas that returns the sofas.")
    assert doubted("code_fields", question, wrong) and not remark("code_fields", question, wrong)
