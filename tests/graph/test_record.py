import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from expertbuild.graph import Cache, Step, build
from expertbuild.graph.key import key_of
from expertbuild.graph.record import Record, read_record
from expertbuild.graph.tree import Entry, check_paths
from runtime.home import shipped
from tests.graph.toys import nested, step, toy, write

DOCUMENT = {
    "format": "expertbuild-key/1",
    "action": "train",
    "version": 1,
    "function": "a.b:c",
    "config": {"adapter": {"r": 12, "rate": 1e-4}},
    "inputs": {"dataset": "1" * 64},
    "files": {"grammar": "file:" + "2" * 64},
    "code": {"a.b": "ast:" + "3" * 64},
    "libraries": {"torch": "2.13.0", "unsloth": None},
    "seed": 7,
}
RECORD = Record(
    key=key_of(DOCUMENT),
    document=DOCUMENT,
    outputs={"adapter.safetensors": Entry("4" * 64, 12), "logs/run.txt": Entry("5" * 64, 0, True)},
    step="train[expert-sql,nano]",
    seconds=1.5,
    finished="2026-01-01T00:00:00+00:00",
    inputs={"dataset": "6" * 64},
    made_with={"python": "3.11.7"},
)


def validator() -> Draft202012Validator:
    schemas = [json.loads((shipped("schemas") / f"{name}.schema.json").read_text()) for name in ("key", "result")]
    for schema in schemas:
        Draft202012Validator.check_schema(schema)
    registry: Registry[Any] = Registry().with_resources(
        (schema["$id"], Resource.from_contents(schema)) for schema in schemas
    )
    return Draft202012Validator(schemas[1], registry=registry)


def test_a_record_reads_back_as_it_was_written_and_fits_its_schema() -> None:
    data = RECORD.to_bytes()
    assert read_record(data, RECORD.key) == RECORD
    validator().validate(json.loads(data))


def change(**fields: Any) -> Callable[[dict[str, Any]], None]:
    return lambda stored: stored.update(fields)


def entry(**fields: Any) -> Callable[[dict[str, Any]], None]:
    return lambda stored: stored["outputs"]["adapter.safetensors"].update(fields)


def renamed(name: str) -> Callable[[dict[str, Any]], None]:
    return lambda stored: stored["outputs"].update({name: stored["outputs"].pop("adapter.safetensors")})


@pytest.mark.parametrize(
    "harm",
    [
        change(format="expertbuild-result/9"), change(key="7" * 64), change(tree="7" * 64), change(outputs=None), change(outputs={}),
        change(seconds="long"), change(step=7), change(finished=None), change(inputs={"dataset": "x"}), change(inputs=[]),
        change(document={**DOCUMENT, "seed": 8}), change(document={**DOCUMENT, "version": 1.0}), change(document=[]),
        change(made_with=None), change(step="train\x1b[2J"),
        entry(sha256="7" * 64), entry(sha256="../../etc/passwd"), entry(size=13), entry(size=-1), entry(size=True), entry(size=12.0),
        entry(executable=1), entry(more=1),
        renamed("other"), renamed("/etc/passwd"), renamed("../x"), renamed("a/../../x"), renamed("a//b"), renamed("./a"), renamed(""),
        renamed("a\\b"), renamed("a\0b"), renamed("a\nb"), renamed("logs/run.txt/x"), renamed("logs"),
    ],
)  # fmt: skip
def test_a_record_that_was_changed_in_any_way_is_refused(harm: Callable[[dict[str, Any]], None]) -> None:
    stored = json.loads(RECORD.to_bytes())
    harm(stored)
    with pytest.raises(ValueError):
        read_record(json.dumps(stored).encode(), RECORD.key)


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"format":"expertbuild-result/1"}', b"[" * 99_999]
)
def test_what_is_no_record_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        read_record(data, RECORD.key)


def test_a_record_cut_off_anywhere_is_refused() -> None:
    data = RECORD.to_bytes()
    for length in range(0, len(data), 7):
        with pytest.raises(ValueError):
            read_record(data[:length], RECORD.key)


@pytest.mark.parametrize("name", ["/x", "../x", "a/./b", "a//b", "a\\b", "a/"])
def test_the_schema_refuses_the_paths_that_the_reader_refuses(name: str) -> None:
    stored = json.loads(replace(RECORD, outputs={name: Entry("4" * 64, 1)}).to_bytes())
    assert not validator().is_valid(stored)
    with pytest.raises(ValueError):
        check_paths({name: None})


def test_what_a_build_records_fits_the_schema(tmp_path: Path) -> None:
    first = step("first", nested)
    (tmp_path / "f").write_text("x")
    second = Step(
        "second", toy(write, libraries=("pytest", "nothing")), {"own": {1: 2.5}}, {}, {"f": tmp_path / "f"}, 3
    )
    cache = Cache(tmp_path / "cache")
    build([first, second], cache).check()
    for path in cache.results.iterdir():
        validator().validate(json.loads(path.read_bytes()))
