"""Rows from local files: JSON lines, a JSON list, CSV, Parquet, text; one path, several, a glob or a folder; packed too.

    - {kind: files, path: data/*.jsonl.gz}
    - {kind: files, path: questions.csv, columns: {prompt: "{schema}\\n{question}", answer: query}}
    - {kind: files, path: notes/, columns: {prompt: "What is this about?\\n{text}", answer: name}}
    - {kind: files, path: questions.jsonl, join: {schema: {path: schemas.json, by: database}}, columns: {...}}

`join` adds a column to each record: what another file, one JSON object, holds under the record's own value of `by`.
Paths are relative to the expert's directory and stay in it. A record that cannot be used is an error that names its line.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from expertbuild.data.columns import check_columns, lacking, to_row
from expertbuild.data.errors import SourceMistake
from expertbuild.data.records import column_kinds, json_value, records, whole_text
from expertbuild.data.rows import Row
from expertbuild.data.sources import Place, incomplete
from expertbuild.data.sources.places import found
from expertbuild.data.unpacked import MEGABYTE, MOST, File

OWN_KEYS = ("kind", "path", "columns", "needs", "join", "format", "megabytes", "rows", "weight", "part")


def files(spec: Mapping[str, Any], directory: Path) -> list[Path]:
    """The files that this source reads: its own, sorted, and those it joins."""
    for key in spec:
        if key not in OWN_KEYS:
            raise SourceMistake(f'a files source has no key "{key}".', hint=f"Known: {', '.join(OWN_KEYS)}.")
    given = spec.get("path")
    patterns = [given] if isinstance(given, str) else list(given or [])
    if not patterns:
        raise SourceMistake("a files source needs a path.")
    return [*_found(patterns, directory), *_found([join["path"] for join in _joins(spec).values()], directory)]


def rows(spec: Mapping[str, Any], place: Place) -> Iterator[Row]:
    joins = {
        name: (join["by"], _table(_found([join["path"]], place.directory)[0])) for name, join in _joins(spec).items()
    }
    own = files(spec, place.directory)[: -len(joins) or None]
    most = largest(spec)
    yield from rows_of([File(path, path.name, most) for path in own], spec, place, joins)


def rows_of(
    own: Iterable[File], spec: Mapping[str, Any], place: Place, joins: Mapping[str, Any] | None = None
) -> Iterator[Row]:
    """The rows in some files; shared with sources that fetch their files first."""
    columns = spec.get("columns")
    check_columns(columns)
    left = spec.get("rows")
    first: dict[str, tuple[str, str]] = {}
    empty = True
    for file in own:
        form = str(spec.get("format") or file.format).lower()
        _same_kinds(file, column_kinds(file, form), first)
        for number, record in records(file, form):
            empty = False
            if left is not None and left <= 0:
                return
            where = f"{file.name}:{number}"
            if (column := lacking(record, spec.get("needs") or ())) is not None:
                place.left_out(str(spec["kind"]), f"{column} is empty", incomplete(record, where))
                continue
            left = None if left is None else left - 1
            yield to_row(_joined(record, joins, where) if joins else record, columns, where)
    if empty:
        raise SourceMistake("holds no record.", where=str(spec.get("path")))


def largest(spec: Mapping[str, Any]) -> int:
    """The most bytes that may come out of one file."""
    given = spec.get("megabytes")
    if given is None:
        return MOST
    if type(given) is not int or given < 1:
        raise SourceMistake("must be a whole number above 0.", where="megabytes")
    return given * MEGABYTE


def _found(patterns: list[str], directory: Path) -> list[Path]:
    every: list[Path] = []
    for pattern in patterns:
        matches = found(directory, str(pattern))
        if not matches:
            raise SourceMistake("there is no such file.", where=str(pattern), hint=f"Looked in {directory}.")
        every += matches
    return every


def _same_kinds(file: File, kinds: Mapping[str, str], first: dict[str, tuple[str, str]]) -> None:
    """A column that is text in one file and a number in the next is a mistake of whoever wrote them."""
    for name, kind in kinds.items():
        before, where = first.setdefault(name, (kind, file.name))
        if before != kind:
            raise SourceMistake(f'the column "{name}" is {kind} here, and {before} in {where}.', where=file.name)


def _joins(spec: Mapping[str, Any]) -> Mapping[str, Mapping[str, str]]:
    joins: Mapping[str, Mapping[str, str]] = spec.get("join") or {}
    for name, join in joins.items():
        if not isinstance(join, Mapping) or set(join) != {"path", "by"}:
            raise SourceMistake("needs `path`, a file, and `by`, a column.", where=f"join.{name}")
    return joins


def _table(path: Path) -> Mapping[str, Any]:
    table = json_value(whole_text(File(path, path.name)), path.name)
    if not isinstance(table, dict):
        raise SourceMistake("is not one object of named values.", where=path.name)
    return table


def _joined(record: Any, joins: Mapping[str, tuple[str, Mapping[str, Any]]], where: str) -> Any:
    """The record with the columns that other files hold for it."""
    if not isinstance(record, Mapping):
        return record
    made = dict(record)
    for name, (by, table) in joins.items():
        if by not in record:
            raise SourceMistake(f'there is no column "{by}".', where=where, hint=f"There are: {', '.join(record)}.")
        if str(record[by]) not in table:
            raise SourceMistake(f'nothing is joined to {by} "{record[by]}" as {name}.', where=where)
        made[name] = table[str(record[by])]
    return made
