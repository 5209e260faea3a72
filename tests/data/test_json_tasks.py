"""Tasks about JSON documents: answers follow from the document, are written as asked, and what is held out stays so."""

import json
import random
import re
from collections import Counter
from hashlib import sha256
from typing import Any

import jsonschema
import pytest

from expertbuild.data.generators import json_schema_of, json_style, json_transform
from expertbuild.data.generators.json_rows import SAID
from expertbuild.data.generators.json_transform import OPERATIONS
from expertbuild.data.generators.phrases import strange_words
from expertbuild.data.generators.words import is_held_out
from expertbuild.data.rows import dump
from expertbuild.evaluation.scorers import json_equal
from tests.data.samples import untrained_runs

TASKS = {"json_schema_of": json_schema_of, "json_style": json_style, "json_transform": json_transform}
STRATA = {
    "json_schema_of": {"schema, list", "schema, nested", "schema, no JSON", "schema, object"},
    "json_style": {"style, indented", "style, minified", "style, no JSON", "style, sorted"},
    "json_transform": {*(f"transform, {name}" for name in OPERATIONS), "transform, no such key"},
}
SIDES = ("train", "held_out")


def rows(task: str, count: int, **options: Any) -> list[dict[str, Any]]:
    rng = random.Random("test")
    return [TASKS[task].draw(rng, **options) for _ in range(count)]


def given(row: dict[str, Any]) -> Any:
    """The document in a question that has one, read strictly."""
    text = row["messages"][0]["content"]
    decoder = json.JSONDecoder()
    found = [decoder.raw_decode(text, match.start())[0] for match in re.finditer(r"(?m)^[{\[]", text)]
    assert len(found) == 1, text
    return found[0]


@pytest.mark.parametrize("task", TASKS)
def test_every_stratum_comes_up_on_both_sides(task: str) -> None:
    for part in SIDES:
        counts = Counter(row["stratum"] for row in rows(task, 1500, words=part, phrasings=part))
        assert set(counts) == STRATA[task]
        assert min(counts.values()) >= 30


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("part", SIDES)
def test_the_expected_answer_is_right_and_no_other_spelling_is_where_that_is_the_task(task: str, part: str) -> None:
    for row in rows(task, 400, words=part, phrasings=part):
        assert json_equal.score(row["answer"], row).value == 1
        spaced = json.dumps(json.loads(row["answer"]), ensure_ascii=False, indent=1)
        only_one = "as_written" in row["facts"] and spaced != row["answer"]
        assert json_equal.score(spaced, row).value == (0 if only_one else 1)


@pytest.mark.parametrize("task", TASKS)
def test_some_questions_have_no_answer_and_say_so(task: str) -> None:
    every = rows(task, 2000)
    lost = [row for row in every if "no JSON" in row["stratum"] or "no such key" in row["stratum"]]
    assert 0.03 < len(lost) / len(every) < 0.05
    for row in lost:
        assert set(row["facts"]["expected"]) == {"error"}
        if task == "json_transform":
            key = row["facts"]["expected"]["error"].removeprefix("no key ")
            assert key in row["messages"][0]["content"]
            document = given(row)
            assert key not in (document[0] if isinstance(document, list) else document)
        else:
            assert not set("{}[]") & set(row["messages"][0]["content"])


def test_a_style_is_a_layout_and_an_order_of_keys() -> None:
    document = {"b": [1, {"d": None, "c": 2.5}], "a": {}}
    assert json_style.written(document, "minified") == '{"b":[1,{"d":null,"c":2.5}],"a":{}}'
    assert json_style.written(document, "sorted_minified") == '{"a":{},"b":[1,{"c":2.5,"d":null}]}'
    assert json_style.written({"b": 1, "a": []}, "sorted_indented") == '{\n  "a": [],\n  "b": 1\n}'


def test_a_schema_takes_its_document_and_refuses_one_that_lacks_a_key() -> None:
    for row in rows("json_schema_of", 500):
        if row["stratum"] == "schema, no JSON":
            continue
        schema, document = row["facts"]["expected"], given(row)
        jsonschema.Draft202012Validator.check_schema(schema)
        validator = jsonschema.Draft202012Validator(schema)
        assert validator.is_valid(document)
        one = document[0] if isinstance(document, list) else document
        less = {key: value for key, value in one.items() if key != next(iter(one))}
        assert not validator.is_valid([less] if isinstance(document, list) else less)


def test_schemas_are_written_in_one_way() -> None:
    found = json_schema_of.schema_of({"a": 1, "b": [2.5], "c": {"d": None}, "e": [], "f": True, "g": "x"})
    assert json.dumps(found) == (
        '{"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "array", "items": {"type": "number"}}, '
        '"c": {"type": "object", "properties": {"d": {"type": "null"}}, "required": ["d"]}, "e": {"type": "array"}, '
        '"f": {"type": "boolean"}, "g": {"type": "string"}}, "required": ["a", "b", "c", "e", "f", "g"]}'
    )


def test_what_comes_of_an_operation_is_made_of_the_document() -> None:
    """Nothing is invented: keys and items are the document's own, but for a new name and a number of items."""
    seen: Counter[str] = Counter()
    for row in rows("json_transform", 1500):
        kind, document, result = row["stratum"].removeprefix("transform, "), given(row), row["facts"]["expected"]
        seen[kind] += 1
        if kind in ("pick", "remove", "nulls"):
            assert result.items() < document.items()
            assert kind != "remove" or len(document) - len(result) == 1
            assert kind != "nulls" or None not in result.values()
        elif kind == "rename":
            assert list(result.values()) == list(document.values())
            assert len(result.keys() - document.keys()) == len(document.keys() - result.keys()) == 1
        elif kind == "values":
            assert any([item[key] for item in document] == result for key in document[0])
        elif kind == "sort":
            assert sorted(map(json.dumps, result)) == sorted(map(json.dumps, document))
        elif kind == "filter":
            assert [item for item in document if item in result] == result
        elif kind == "count":
            assert 0 <= result <= len(document)
    assert min(seen.values()) > 30


@pytest.mark.parametrize("task", TASKS)
def test_keys_of_training_and_keys_held_out_do_not_mix(task: str) -> None:
    fixed = {"id", "code", "ref", "sku"}
    for part in SIDES:
        for row in rows(task, 300, words=part):
            if not ("no" in row["stratum"].split() or row["stratum"].startswith("style")):
                document = given(row)
                one = document[0] if isinstance(document, list) else document
                for key in one if isinstance(one, dict) else ():
                    if key not in fixed and key.isalpha() and key.islower() and not key.endswith("s"):
                        assert is_held_out(key) == (part == "held_out"), key


@pytest.mark.parametrize("name", SAID)
def test_the_words_of_held_out_forms_are_trained_in_others(name: str) -> None:
    assert strange_words(SAID[name]) == set()
    held = sum(form.held_out for forms in SAID[name].values() for form in forms)
    assert 0.15 < held / sum(len(forms) for forms in SAID[name].values()) < 0.35


@pytest.mark.parametrize("task", TASKS)
def test_held_out_phrasings_are_new(task: str) -> None:
    new = untrained_runs(rows(task, 1500, phrasings="train"), rows(task, 1500, phrasings="held_out"), often=20)
    assert len(new) >= 4


def test_what_a_seed_writes_is_pinned() -> None:
    """It is part of every dataset's identity: a change here changes every build."""
    found = {task: sha256("\n".join(map(dump, rows(task, 50))).encode()).hexdigest()[:16] for task in TASKS}
    assert found == PINNED


PINNED = {
    "json_schema_of": "d618ca63b4d29558",
    "json_style": "0406fb0270f88140",
    "json_transform": "b96b758c9add4eb9",
}
