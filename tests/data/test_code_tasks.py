"""Code that is asked for: it parses in its language, broken code is broken, and what is held out is never trained on."""

import random
import re
from collections import Counter
from hashlib import sha256
from typing import Any

import pytest

from expertbuild.data.errors import RecipeMistake
from expertbuild.data.generators import code_model, code_repair, text_to_function, types_from_json, types_from_text
from expertbuild.data.generators.code_languages import LANGUAGES
from expertbuild.data.generators.code_model import Condition, Field, Function, Record
from expertbuild.data.generators.code_rows import SAID
from expertbuild.data.generators.phrases import strange_words
from expertbuild.data.generators.words import is_held_out
from expertbuild.data.rows import dump
from expertbuild.evaluation.scorers.code_tokens import CodeUnread, words
from tests.data.samples import untrained_runs

TASKS = {
    "code_repair": code_repair,
    "text_to_function": text_to_function,
    "types_from_json": types_from_json,
    "types_from_text": types_from_text,
}
EVERY = [(task, language) for task in TASKS for language in sorted(LANGUAGES)]


def rows(task: str, count: int, **options: Any) -> list[dict[str, Any]]:
    rng = random.Random("test")
    return [TASKS[task].draw(rng, **options) for _ in range(count)]


@pytest.mark.parametrize(("task", "language"), EVERY)
def test_every_answer_parses_in_its_language(task: str, language: str) -> None:
    for part in ("train", "held_out"):
        for row in rows(task, 200, words=part, phrasings=part, language=language):
            words(row["answer"], language)
            words(
                row["facts"].get("before", "") + "\n" + row["answer"] + "\n" + row["facts"].get("tests", ""), language
            )


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_broken_code_is_broken_and_whole_code_is_not(language: str) -> None:
    for row in rows("code_repair", 500, language=language):
        broken = row["facts"]["broken"]
        assert broken in row["messages"][0]["content"]
        assert (broken == row["answer"]) == (row["stratum"] == "repair, nothing wrong")
        if broken != row["answer"]:
            with pytest.raises(SyntaxError if language == "python" else CodeUnread):
                compile(broken, "x", "exec") if language == "python" else words(broken, language)


@pytest.mark.parametrize(("task", "language"), EVERY)
def test_every_stratum_comes_up(task: str, language: str) -> None:
    counts = Counter(row["stratum"] for row in rows(task, 800, language=language))
    assert min(counts.values()) >= 15
    assert len(counts) == {"code_repair": 3, "text_to_function": 6, "types_from_json": 4, "types_from_text": 3}[task]


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_what_cannot_be_written_says_so_and_why(language: str) -> None:
    mark = LANGUAGES[language].MARK
    lost = [row for row in rows("text_to_function", 500, language=language) if row["stratum"].endswith("no such field")]
    for row in lost:
        found = re.fullmatch(rf"{mark} cannot: (\w+) has no field (\w+)", row["answer"])
        assert found
        asked = row["messages"][0]["content"]
        assert found[1] in asked
        assert not re.search(rf"\b{found[2]}\??:", asked), "the type in the question does not have it"
    for task, said in (("types_from_json", "it has no keys"), ("types_from_text", "no fields are given")):
        empty = [row for row in rows(task, 500, language=language) if row["stratum"].endswith("nothing there")]
        assert empty and {row["answer"] for row in empty} == {f"{mark} cannot: {said}"}
        assert not any("tests" in row["facts"] for row in empty)


def test_three_writers_write_the_same_type() -> None:
    record = Record(
        "sofa", (Field("unit_price", "real"), Field("color", "text", optional=True), Field("tags", "text", many=True))
    )
    assert LANGUAGES["python"].declare(record) == (
        "from dataclasses import dataclass\n\n\n@dataclass(kw_only=True)\nclass Sofa:\n    unit_price: float\n"
        "    color: str | None = None\n    tags: list[str]"
    )
    assert LANGUAGES["rust"].declare(record, "struct") == (
        "#[derive(Debug, Clone, PartialEq)]\npub struct Sofa {\n    pub unit_price: f64,\n    pub color: Option<String>,\n"
        "    pub tags: Vec<String>,\n}"
    )
    assert LANGUAGES["typescript"].declare(Record("sofa", record.fields, camel=True)) == (
        "export interface Sofa {\n  unitPrice: number;\n  color?: string;\n  tags: string[];\n}"
    )


def test_three_writers_write_the_same_function() -> None:
    price, paid = Field("price", "real"), Field("paid", "flag")
    one = Function(
        "cheap_sofas",
        Record("sofa", (price, paid)),
        "count",
        None,
        (Condition(price, "<", 20.0), Condition(paid, "==", False)),
    )
    assert LANGUAGES["python"].define(one).endswith("sum(1 for item in items if item.price < 20.0 and not item.paid)")
    assert "items.filter((item) => item.price < 20 && !item.paid).length" in LANGUAGES["typescript"].define(one)
    assert "items.iter().filter(|item| item.price < 20.0 && !item.paid).count()" in LANGUAGES["rust"].define(one)


def test_tests_tell_a_function_from_nearly_the_same_one() -> None:
    """Its own result differs, on some list it is tried on, from that with another sign or another operation."""
    rng = random.Random("near")
    told = tries = 0
    for _ in range(200):
        one = code_model.function(rng, "train")
        if len(one.tests) != 1 or one.does not in ("filter", "count", "find", "any", "all"):
            continue
        [test] = one.tests
        other = {">": ">=", ">=": ">", "<": "<=", "<=": "<", "==": "!=", "!=": "=="}[test.sign]
        near = Function(one.name, one.record, one.does, one.field, (Condition(test.field, other, test.value),))
        tried = code_model.tried(rng, "train", one)
        assert len(tried) >= 2
        tries += 1
        told += any(code_model.run(near, given) != expected for given, expected in tried)
    assert tries > 40 and told > 0.9 * tries


@pytest.mark.parametrize("name", SAID)
def test_the_words_of_held_out_forms_are_trained_in_others(name: str) -> None:
    assert strange_words(SAID[name]) == set()
    held = sum(form.held_out for forms in SAID[name].values() for form in forms)
    assert 0.1 < held / sum(len(forms) for forms in SAID[name].values()) < 0.35


def test_names_of_training_and_names_held_out_do_not_mix() -> None:
    def names(part: str) -> set[str]:
        found = "\n".join(row["answer"] for row in rows("types_from_text", 300, words=part, language="rust"))
        return set(re.findall(r"pub ([a-z_]+):", found))

    trained, held = names("train"), names("held_out")
    assert len(trained) > 50 and len(held) > 25
    assert not {name for name in trained & held if not name.endswith("s")}, "but for plurals"
    assert not any(is_held_out(name) for name in trained if not name.endswith("s"))


@pytest.mark.parametrize("task", TASKS)
def test_held_out_phrasings_are_new(task: str) -> None:
    new = untrained_runs(rows(task, 1000, phrasings="train"), rows(task, 1000, phrasings="held_out"), often=20)
    assert len(new) >= 4


def test_another_language_is_refused_by_name() -> None:
    with pytest.raises(RecipeMistake, match='no code is written in "cobol"'):
        types_from_json.draw(random.Random(0), language="cobol")


def test_what_a_seed_writes_is_pinned() -> None:
    """It is part of every dataset's identity: a change here changes every build."""
    found = {
        f"{task} {language}": sha256("\n".join(map(dump, rows(task, 50, language=language))).encode()).hexdigest()[:8]
        for task, language in EVERY
    }
    assert found == PINNED


PINNED = {
    "code_repair python": "a1a19fce",
    "code_repair rust": "ae721720",
    "code_repair typescript": "df8d8916",
    "text_to_function python": "efc5a9cb",
    "text_to_function rust": "0e550915",
    "text_to_function typescript": "5d471d94",
    "types_from_json python": "b5d2912f",
    "types_from_json rust": "d77196be",
    "types_from_json typescript": "16562483",
    "types_from_text python": "7954b014",
    "types_from_text rust": "13f9a251",
    "types_from_text typescript": "2afde30b",
}
