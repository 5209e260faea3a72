"""JSON Schema from a stranger: it checks rows, and can neither fetch, hang nor crash."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from expertbuild.data.bounded_schema import load, refusal
from expertbuild.data.errors import RecipeMistake, SourceMistake
from expertbuild.data.transforms import Bench
from expertbuild.data.transforms.schema import check
from tests.data.samples import reasons, row, through

OBJECT = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string", "pattern": "^[A-Z]\\w*$"}}}


def schema(folder: Path, document: Any) -> Path:
    path = folder / "answer.schema.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    load.cache_clear()
    return path


def test_rows_whose_answer_does_not_follow_are_left_out_with_the_reason(tmp_path: Path, bench: Bench) -> None:
    schema(tmp_path, OBJECT)
    answers = [
        '{"name": "Ada"}',
        '{"name": "ada"}',
        "{}",
        "[]",
        "not json",
        '{"name": NaN}',
        '{"name": "A", "name": "B"}',
    ]
    rows = [row(number, answer=answer) for number, answer in enumerate(answers)]
    left = through(rows, {"kind": "schema", "schema": "answer.schema.json"}, bench=bench)
    assert [each["id"] for each in left] == ["0"]
    assert reasons(bench) == {
        "answer does not follow answer.schema.json: pattern at name": 1,
        "answer does not follow answer.schema.json: required": 1,
        "answer does not follow answer.schema.json: type": 1,
        "answer is not JSON": 3,
    }


def test_facts_and_whole_rows_can_be_checked_too(tmp_path: Path, bench: Bench) -> None:
    schema(tmp_path, {"required": ["ddl"]})
    rows = [row(1, facts={"ddl": "x"}), row(2)]
    spec = {"kind": "schema", "schema": "answer.schema.json", "of": "facts"}
    assert [each["id"] for each in through(rows, spec, bench=bench)] == ["1"]
    schema(tmp_path, {"properties": {"stratum": {"enum": ["all"]}}})
    whole = {"kind": "schema", "schema": "answer.schema.json", "of": "row"}
    assert [each["id"] for each in through([row(3), row(4, stratum="x")], whole, bench=bench)] == ["3"]


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("{", "is not JSON"),
        ("[]", "is an object"),
        ('{"a": 1, "a": 2}', "twice"),
        ({"type": "strin"}, "is not a JSON Schema at type"),
        ({"properties": {"a": {"minimum": "x"}}}, r"properties\.a\.minimum"),
        ({"$ref": "http://example.com/s.json"}, "must stand alone"),
        ({"$ref": "file:///etc/passwd"}, "must stand alone"),
        ({"items": {"$ref": "other.json"}}, "must stand alone"),
        ({"$dynamicRef": "https://example.com#x"}, "must stand alone"),
        ({"properties": {"a": {"$schema": "http://json-schema.org/draft-04/schema"}}}, "another dialect inside"),
        ({"pattern": "(a+)+\\1"}, "RE2"),
        ({"pattern": "(?=a)"}, "RE2"),
        ({"pattern": "("}, "RE2"),
        ({"patternProperties": {"(a+)+$": {}}}, "patternProperties"),
    ],
)
def test_a_schema_that_is_broken_or_reaches_out_is_refused_by_name(tmp_path: Path, document: Any, said: str) -> None:
    with pytest.raises(RecipeMistake, match=said) as told:
        load(schema(tmp_path, document))
    assert told.value.where == "answer.schema.json"


def test_a_property_may_be_called_as_a_keyword_is(tmp_path: Path) -> None:
    bounded = load(schema(tmp_path, {"properties": {"$ref": {"type": "string"}, "pattern": {"type": "integer"}}}))
    assert refusal(bounded, {"$ref": "http://example.com", "pattern": 1}) == ""


def test_a_pattern_that_explodes_elsewhere_takes_no_time(tmp_path: Path) -> None:
    bounded = load(schema(tmp_path, {"pattern": "^(a+)+$"}))
    begun = time.process_time()
    assert refusal(bounded, "a" * 100_000 + "!") == "pattern"
    assert time.process_time() - begun < 5


def test_references_inside_are_followed_and_those_to_nothing_told(tmp_path: Path) -> None:
    tree = {
        "$defs": {"n": {"properties": {"next": {"$ref": "#/$defs/n"}, "v": {"type": "integer"}}}},
        "$ref": "#/$defs/n",
    }
    bounded = load(schema(tmp_path, tree))
    assert refusal(bounded, {"next": {"next": {"v": "x"}}}) == "type at next.next.v"
    with pytest.raises(RecipeMistake, match="refers to nothing"):
        refusal(load(schema(tmp_path, {"$ref": "#/$defs/none"})), 1)
    with pytest.raises(RecipeMistake, match="without end"):
        refusal(load(schema(tmp_path, {"$ref": "#"})), 1)


def test_a_row_that_would_take_for_ever_is_left_out(tmp_path: Path) -> None:
    doubling: dict[str, Any] = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(40)}
    bounded = load(schema(tmp_path, {"$defs": {**doubling, "d40": {}}, "$ref": "#/$defs/d0"}))
    begun = time.process_time()
    assert refusal(bounded, 1) == "it takes too long to check"
    assert time.process_time() - begun < 60
    listed = load(schema(tmp_path, {"items": {"enum": [f"n{number}" for number in range(50_000)]}}))
    begun = time.process_time()
    assert refusal(listed, ["none", *["n49999"] * 50_000][::-1]) == "it takes too long to check"
    assert time.process_time() - begun < 40  # 21 s on a busy core of 2.4 GHz
    unique = load(schema(tmp_path, {"uniqueItems": True}))
    assert refusal(unique, [{"n": number} for number in range(50_000)]) == ""
    assert refusal(unique, [{"n": 1}, {"n": 1}]) == "uniqueItems"


def test_a_schema_that_leads_outside_is_refused(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    schema(tmp_path, {})
    (tmp_path / "own" / "link.json").symlink_to(tmp_path / "answer.schema.json")
    for name in ("../answer.schema.json", "link.json"):
        with pytest.raises(SourceMistake, match="leads outside"):
            check({"kind": "schema", "schema": name}, tmp_path / "own")
