"""Rows from files, from data sets of the hub's layout, and from generators."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from expertbuild.data.errors import SourceMistake
from expertbuild.data.recipe import is_place
from expertbuild.data.rows import Row, RowRefused
from expertbuild.data.sources import Place, files, source
from runtime.home import shipped

COLUMNS = {"prompt": "{schema}\n{question}", "answer": "query", "stratum": "kind", "facts": {"ddl": "schema"}}
RECORD = {
    "question": "How many?",
    "schema": "CREATE TABLE t (id INT);",
    "query": "SELECT COUNT(*) FROM t",
    "kind": "count",
}


def rows(spec: dict[str, Any], directory: Path) -> list[Row]:
    return list(source(spec).rows(spec, Place("seed", directory)))


def write_jsonl(path: Path) -> None:
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(RECORD).encode() + b"\r\n\r\n" + json.dumps(RECORD).encode())


def write_json(path: Path) -> None:
    path.write_text(json.dumps([RECORD, RECORD]))


def write_csv(path: Path) -> None:
    path.write_text(
        "question,schema,query,kind\r\n" + 'How many?,"CREATE TABLE t (id INT);",SELECT COUNT(*) FROM t,count\r\n' * 2
    )


@pytest.mark.parametrize(("name", "write"), [("a.jsonl", write_jsonl), ("a.json", write_json), ("a.csv", write_csv)])
def test_columns_become_a_row_whatever_the_format(tmp_path: Path, name: str, write: Callable[[Path], None]) -> None:
    write(tmp_path / name)
    made = rows({"kind": "files", "path": name, "columns": COLUMNS}, tmp_path)
    assert len(made) == 2
    assert made[0]["messages"] == [{"role": "user", "content": "CREATE TABLE t (id INT);\nHow many?"}]
    assert (made[0]["answer"], made[0]["stratum"]) == ("SELECT COUNT(*) FROM t", "count")
    assert made[0]["facts"] == {"ddl": "CREATE TABLE t (id INT);"}
    assert made[0]["id"] == made[1]["id"], "an id follows from the content"


def test_records_that_lack_what_is_needed_are_left_out_and_counted(tmp_path: Path) -> None:
    lines = [RECORD, RECORD | {"query": None}, RECORD | {"query": ""}, RECORD | {"kind": "sum"}]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, lines)))
    told: list[tuple[str, str, str]] = []
    place = Place("seed", tmp_path, left_out=lambda kind, reason, row: told.append((kind, reason, row["id"])))
    spec = {"kind": "files", "path": "a.jsonl", "columns": COLUMNS, "needs": ["query"], "rows": 2}
    assert [row["stratum"] for row in source(spec).rows(spec, place)] == ["count", "sum"]
    assert told == [("files", "query is empty", "a.jsonl:2"), ("files", "query is empty", "a.jsonl:3")]


def test_a_glob_reads_files_in_the_order_of_their_names(tmp_path: Path) -> None:
    for number in (2, 1):
        row = {"id": str(number), "messages": [{"role": "user", "content": "x"}], "answer": ""}
        (tmp_path / f"{number}.jsonl").write_text(json.dumps(row))
    assert [row["id"] for row in rows({"kind": "files", "path": "*.jsonl"}, tmp_path)] == ["1", "2"]
    assert len(rows({"kind": "files", "path": "*.jsonl", "rows": 1}, tmp_path)) == 1


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.jsonl", b'{"id": 1}\n{"id": \n', r"a\.jsonl:1: .messages"),
        ("a.jsonl", b"\n\nnope", r"a\.jsonl:3: is not JSON"),
        ("a.jsonl", b'"text"', "not a record"),
        ("a.jsonl", b"[" * 100_000, "is not JSON"),
        ("a.jsonl", b'\n{"a": "\xff"}', r"a\.jsonl:2: is not UTF-8"),
        ("a.json", b'{"a": 1}', "not a list"),
        ("a.csv", b"a,b\n1\n", r"a\.csv:2: has more or fewer fields"),
        ("a.parquet", b"PAR1", "is not Parquet that can be read"),
        ("a.xls", b"x", '"xls" is not a format'),
    ],
)
def test_broken_files_are_named_with_the_line(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises((SourceMistake, RowRefused), match=said):
        rows({"kind": "files", "path": name}, tmp_path)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"prompt": "question"}, 'what the "answer" is'),
        ({"prompt": "question", "answer": "query", "label": "kind"}, '"label" is no part of a row'),
        ({"prompt": "{nothing}", "answer": "query"}, r'a\.json:1: there is no column "nothing".*question'),
    ],
)
def test_a_mapping_that_gives_no_row_is_explained(tmp_path: Path, columns: dict[str, Any], said: str) -> None:
    write_json(tmp_path / "a.json")
    with pytest.raises(SourceMistake, match=said):
        rows({"kind": "files", "path": "a.json", "columns": columns}, tmp_path)


def test_a_local_data_set_of_the_hubs_layout_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "train.jsonl").write_text("\n".join([json.dumps(RECORD)] * 3))
    for streaming in (False, True):
        spec = {"kind": "huggingface", "path": "set", "columns": COLUMNS, "rows": 2, "streaming": streaming}
        made = rows(spec, tmp_path)
        assert [row["answer"] for row in made] == ["SELECT COUNT(*) FROM t"] * 2


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"name": "someone/something"}, "no revision"),
        ({}, "either a name on the hub or a local path"),
        ({"path": "nowhere"}, "no such directory"),
        ({"path": "x", "revison": "1"}, 'no key "revison"'),
    ],
)
def test_a_data_set_that_cannot_be_pinned_or_found_is_refused(tmp_path: Path, spec: dict[str, Any], said: str) -> None:
    with pytest.raises(SourceMistake, match=said):
        rows({"kind": "huggingface", **spec}, tmp_path)


def test_a_generator_that_has_said_everything_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("expertbuild.data.sources.generator.PATIENCE", 20)
    monkeypatch.setattr(
        "expertbuild.data.generators.json_repair.draw", lambda rng, words, phrasings: {"id": str(rng.randint(1, 3))}
    )
    with pytest.raises(SourceMistake, match="repeats itself after 3 different rows"):
        rows({"kind": "generator", "name": "json_repair", "rows": 9}, tmp_path)


def test_a_column_that_another_file_holds_is_joined(tmp_path: Path) -> None:
    (tmp_path / "schemas.json").write_text(json.dumps({"films": "Film {name: STRING}"}))
    (tmp_path / "q.jsonl").write_text(json.dumps({"question": "How many?", "database": "films", "cypher": "MATCH"}))
    spec = {
        "kind": "files",
        "path": "q.jsonl",
        "join": {"schema": {"path": "schemas.json", "by": "database"}},
        "columns": {"prompt": "{schema}\n{question}", "answer": "cypher", "facts": {"graph": "schema"}},
    }
    (made,) = rows(spec, tmp_path)
    assert made["messages"][0]["content"] == "Film {name: STRING}\nHow many?"
    assert made["facts"] == {"graph": "Film {name: STRING}"}
    assert files_of(spec, tmp_path) == ["q.jsonl", "schemas.json"], "both belong to the key of a build"


def files_of(spec: dict[str, Any], directory: Path) -> list[str]:
    return [path.name for path in files.files(spec, directory)]


@pytest.mark.parametrize(
    ("join", "said"),
    [
        ({"path": "schemas.json", "by": "base"}, r'q\.jsonl:1: there is no column "base".*database'),
        (
            {"path": "schemas.json", "by": "question"},
            r'q\.jsonl:1: nothing is joined to question "How many\?" as schema',
        ),
        ({"path": "nothing.json", "by": "database"}, "no such file"),
        ({"path": "list.json", "by": "database"}, "is not one object"),
        ({"path": "schemas.json"}, r"join\.schema: needs `path`"),
    ],
)
def test_a_join_that_cannot_be_made_is_explained(tmp_path: Path, join: dict[str, str], said: str) -> None:
    (tmp_path / "schemas.json").write_text(json.dumps({"films": "x"}))
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "q.jsonl").write_text(json.dumps({"question": "How many?", "database": "films"}))
    columns = {"prompt": "schema", "answer": "question"}
    with pytest.raises(SourceMistake, match=said):
        rows({"kind": "files", "path": "q.jsonl", "join": {"schema": join}, "columns": columns}, tmp_path)


def test_objects_and_lists_in_a_column_are_written_as_json(tmp_path: Path) -> None:
    record = {"text": "play jazz", "keys": ["genre", "year"], "expected": {"genre": "jazz", "year": None, "now": True}}
    (tmp_path / "a.jsonl").write_text(json.dumps(record))
    columns = {"prompt": "{text}\nKeys: {keys}", "answer": "expected"}
    (made,) = rows({"kind": "files", "path": "a.jsonl", "columns": columns}, tmp_path)
    assert made["messages"][0]["content"] == 'play jazz\nKeys: ["genre","year"]'
    assert made["answer"] == '{"genre":"jazz","year":null,"now":true}'


def test_a_row_of_ones_own_becomes_one_of_the_schema_and_of_nothing_else(tmp_path: Path) -> None:
    turn = {"role": "user", "content": "a", "name": "Ada"}
    given = {"messages": [turn], "answer": "b", "group": 5, "id": 7, "part": 1, "score": 0.5}
    (tmp_path / "rows.jsonl").write_text(json.dumps(given))
    [row] = rows({"kind": "files", "path": "rows.jsonl"}, tmp_path)
    jsonschema.validate(row, json.loads((shipped("schemas") / "row.schema.json").read_text()))
    assert (row["group"], row["id"], row["part"]) == ("5", "7", "1")
    for wrong in ({"group": ["x"]}, {"part": None}, {"id": {"x": 1}}, {"stratum": True}):
        (tmp_path / "rows.jsonl").write_text(json.dumps({**given, **wrong}))
        with pytest.raises(RowRefused, match=rf'rows\.jsonl:1: "{next(iter(wrong))}" is'):
            rows({"kind": "files", "path": "rows.jsonl"}, tmp_path)


def test_a_place_in_a_recipe_is_told_from_a_file_that_is_called_like_one() -> None:
    places = (
        "sources[0]",
        "transforms[12].near",
        "split",
        "split.by",
        "rows",
        "measures.tokens.max",
        "sources[1].path",
    )
    assert all(is_place(each) for each in places)
    files = ("rows.jsonl:3", "rows.jsonl", "split.csv:1", "measures.parquet", "sources.jsonl:2", "data/rows.jsonl", "")
    assert not any(is_place(each) for each in files)
