"""Rows from local files: JSON lines, a JSON list, or CSV; one path, several, or a glob.

    - {kind: files, path: data/*.jsonl}
    - {kind: files, path: questions.csv, columns: {prompt: "{schema}\\n{question}", answer: query}}
    - {kind: files, path: questions.jsonl, join: {schema: {path: schemas.json, by: database}}, columns: {...}}

`join` adds a column to each record: what another file, one JSON object, holds under the record's own value of `by`.
Paths are relative to the expert's directory. A record that cannot be used is an error that names its line.
"""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from expertbuild.data.columns import check_columns, to_row
from expertbuild.data.errors import SourceMistake
from expertbuild.data.rows import Row
from expertbuild.data.sources import Place

OWN_KEYS = ("kind", "path", "columns", "join", "format", "rows", "weight", "part")


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


def _found(patterns: list[str], directory: Path) -> list[Path]:
    found: list[Path] = []
    for pattern in patterns:
        path = directory / pattern
        matches = [path] if path.is_file() else sorted(_glob(directory, pattern))
        if not matches:
            raise SourceMistake("there is no such file.", where=str(pattern), hint=f"Looked in {directory}.")
        found += matches
    return found


def rows(spec: Mapping[str, Any], place: Place) -> Iterator[Row]:
    columns = spec.get("columns")
    check_columns(columns)
    left = spec.get("rows")
    joins = {
        name: (join["by"], _table(_found([join["path"]], place.directory)[0])) for name, join in _joins(spec).items()
    }
    for path in files(spec, place.directory)[: -len(joins) or None]:
        form = str(spec.get("format") or path.suffix.lstrip(".")).lower()
        if form not in READERS:
            raise SourceMistake(
                f'"{form}" is not a format read here.', where=path.name, hint=f"Known: {', '.join(READERS)}."
            )
        for number, record in READERS[form](path):
            if left is not None and left <= 0:
                return
            left = None if left is None else left - 1
            where = f"{path.name}:{number}"
            yield to_row(_joined(record, joins, where) if joins else record, columns, where)


def _joins(spec: Mapping[str, Any]) -> Mapping[str, Mapping[str, str]]:
    joins: Mapping[str, Mapping[str, str]] = spec.get("join") or {}
    for name, join in joins.items():
        if not isinstance(join, Mapping) or set(join) != {"path", "by"}:
            raise SourceMistake("needs `path`, a file, and `by`, a column.", where=f"join.{name}")
    return joins


def _table(path: Path) -> Mapping[str, Any]:
    table = _json(_text(path), path.name)
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


def _glob(directory: Path, pattern: str) -> Iterator[Path]:
    path = Path(pattern)
    root, inside = (Path(path.anchor), str(path.relative_to(path.anchor))) if path.anchor else (directory, pattern)
    return (found for found in root.glob(inside) if found.is_file())


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise SourceMistake("is not UTF-8.", where=f"{path.name}:{line}") from error


def _json_lines(path: Path) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(_text(path).split("\n"), 1):
        if line.strip():
            yield number, _json(line, f"{path.name}:{number}")


def _json_list(path: Path) -> Iterator[tuple[int, Any]]:
    records = _json(_text(path), path.name)
    if not isinstance(records, list):
        raise SourceMistake("is not a list of records.", where=path.name)
    yield from enumerate(records, 1)


def _json(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise SourceMistake(f"is not JSON ({error}).", where=where) from error


def _csv(path: Path) -> Iterator[tuple[int, Any]]:
    reader = csv.DictReader(io.StringIO(_text(path), newline=""), strict=True)
    try:
        for record in reader:
            if None in record or None in record.values():
                raise SourceMistake("has more or fewer fields than the header.", where=f"{path.name}:{reader.line_num}")
            yield reader.line_num, record
    except csv.Error as error:
        raise SourceMistake(f"is not CSV ({error}).", where=f"{path.name}:{reader.line_num}") from error


READERS: dict[str, Callable[[Path], Iterator[tuple[int, Any]]]] = {
    "jsonl": _json_lines,
    "json": _json_list,
    "csv": _csv,
}
