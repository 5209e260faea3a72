"""The grammars of the experts that write code: every answer their own generators write, and no near miss."""

import random

import pytest
import yaml

from expertbuild.data.generators.tasks import GENERATORS
from runtime.engine.tokenizer import Tokenizer
from runtime.home import shipped
from runtime.service.bases import find_base
from tests.compose.test_grammars import accepts

TASKS = ("types_from_json", "types_from_text", "text_to_function", "code_repair")
LANGUAGES = ("python", "rust", "typescript")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("part", ["train", "held_out"])
def test_a_grammar_accepts_every_answer_of_its_own_generators(task: str, language: str, part: str) -> None:
    rng = random.Random(f"{task}-{part}")
    draw = GENERATORS.load(task).draw
    answers = [draw(rng, part, part, language=language)["answer"] for _ in range(100)]
    assert [answer for answer in answers if not accepts(f"expert-{language}", answer)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_answer_fits_into_what_the_expert_may_say(language: str) -> None:
    """In tokens of the embedded base."""
    nano = Tokenizer.load(find_base("nano").directory)
    decoding = yaml.safe_load((shipped("experts") / f"expert-{language}" / "decoding.yaml").read_text(encoding="utf-8"))
    rng = random.Random("long")
    for task in TASKS:
        draw = GENERATORS.load(task).draw
        longest = max(len(nano.encode(draw(rng, language=language)["answer"])) for _ in range(100))
        assert longest < decoding["max_tokens"]


GOOD = {
    "python": [
        "# cannot: Sofa has no field weight",
        'def greet(name: str, loud: bool = False) -> str:\n    text = f"Hello {name}"\n    if loud:\n        text = text.upper()\n    return text',
        "import math\n\n\ndef area(r: float) -> float:\n    return math.pi * r ** 2",
        "class Shape(TypedDict):\n    name: str\n    sides: NotRequired[int]",
        'def names(rows):\n    return {row["id"]: row["name"] for row in rows if row["name"] is not None}',
    ],
    "rust": [
        "// cannot: Sofa has no field weight",
        "pub enum Shape {\n    Circle(f64),\n    Dot,\n}",
        "use std::collections::HashMap;\n\npub fn count(words: &[String]) -> HashMap<String, usize> {\n    let mut found = HashMap::new();\n    found\n}",
        'pub fn greet(name: &str) -> String {\n    format!("Hello {}", name)\n}',
    ],
    "typescript": [
        "// cannot: Sofa has no field weight",
        'export type Status = "open" | "closed";',
        "const total = (items: Item[]): number => items.reduce((sum, item) => sum + item.price, 0);",
        "export interface Page<T> {\n}".replace("<T>", ""),
        'function greet(name: string): string {\n  if (name === "") {\n    return "Hello";\n  }\n  return "Hello " + name;\n}',
    ],
}
BAD = {
    "python": [
        "",
        "cannot: Sofa has no field weight",
        "Here is the code:\ndef f():\n    return 1",
        "```python\ndef f():\n    return 1\n```",
        "def f()\n    return 1",
        "def f():\nreturn 1",
        "def f():\n  return 1",
        "def f(:\n    return 1",
        "def f() -> int\n    return 1",
        "def f():\n    return [x for x items]",
        "def f():\n    return item.price > 3 && item.paid",
        "def f():\n    return 'single'",
        'def f():\n    return "open',
        "class Sofa\n    price: float",
        "class Sofa:\n    price float",
        "class Sofa:\nprice: float",
        "@dataclass(kw_only=True\nclass Sofa:\n    price: float",
        "from dataclasses import dataclass",
        "struct Sofa:\n    price: float",
        "print(1)",
    ],
    "rust": [
        "",
        "# cannot: Sofa has no field weight",
        "struct Sofa {\n    price: f64;\n}",
        "struct Sofa {\n    price f64,\n}",
        "struct Sofa {\n    price: f64,\n",
        "struct Sofa\n    price: f64,\n}",
        "class Sofa {\n    price: f64,\n}",
        "public struct Sofa {\n    price: f64,\n}",
        "#[derive(Debug]\nstruct Sofa {\n    price: f64,\n}",
        "pub fn f(items: &[Sofa]) -> usize {\n    items.iter().filter(|item item.paid).count()\n}",
        "pub fn f(items: &[Sofa]) -> usize {\n    items.iter().count(\n}",
        "pub fn f(items: &[Sofa]) => usize {\n    1\n}",
        "pub fn f(items: &[Sofa] -> usize {\n    1\n}",
        "pub fn f() -> bool {\n    a and b\n}",
        "pub fn f() -> bool {\n    a === b\n}",
        "unsafe fn f() {\n}",
        "use serde::{Deserialize, Serialize}",
        "Here it is: struct Sofa {\n}",
    ],
    "typescript": [
        "",
        "# cannot: Sofa has no field weight",
        "interface Sofa {\n  price: number\n}",
        "interface Sofa {\n  price number;\n}",
        "interface Sofa {\n  price: number;\n",
        "interface Sofa\n  price: number;\n}",
        "struct Sofa {\n  price: number;\n}",
        "pub interface Sofa {\n  price: number;\n}",
        "def f(items: Sofa[]): number {\n  return 1;\n}",
        "function f(items: Sofa[]): number {\n  return 1\n}",
        "function f(items: Sofa[] number {\n  return 1;\n}",
        "function f(items: Sofa[]): number {\n  return items.filter((item) = item.paid).length;\n}",
        "function f(items: Sofa[]): number {\n  return items.filter((item => item.paid).length;\n}",
        "function f(): boolean {\n  return a == b;\n}",
        "function f(): boolean {\n  return a and b;\n}",
        "function f(): string {\n  return 'single';\n}",
        'function f(): string {\n  return "open;\n}',
        "Here it is: interface Sofa {\n}",
    ],
}


@pytest.mark.parametrize(("language", "answer"), [(name, answer) for name in LANGUAGES for answer in GOOD[name]])
def test_code_is_accepted(language: str, answer: str) -> None:
    assert accepts(f"expert-{language}", answer)


@pytest.mark.parametrize(("language", "answer"), [(name, answer) for name in LANGUAGES for answer in BAD[name]])
def test_what_is_nearly_code_is_refused(language: str, answer: str) -> None:
    assert not accepts(f"expert-{language}", answer)
