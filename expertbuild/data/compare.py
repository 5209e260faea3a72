"""Two builds of a dataset beside each other: which rows came, went, changed or moved, and what that did to the figures.

Rows are the same row when they have the same id. Of each one digest is held, so a million rows are no trouble.
"""

import json
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

from expertbuild.data.errors import SourceMistake
from expertbuild.data.rows import Row, dump, read_rows

SPLITS = ("train", "validation", "test")
SHOWN = 3


def compare(old: Path, new: Path) -> dict[str, Any]:
    """What differs between two folders with train.jsonl, validation.jsonl, test.jsonl and statistics.json."""
    before = {row["id"]: (split, _digest(row)) for split, row in _rows(old)}
    found: dict[str, list[str]] = {"added": [], "removed": [], "changed": [], "moved": []}
    same, there = 0, set()
    for split, row in _rows(new):
        there.add(row["id"])
        was = before.get(row["id"])
        if was is None:
            found["added"].append(row["id"])
        elif was[1] != _digest(row):
            found["changed"].append(row["id"])
        elif was[0] != split:
            found["moved"].append(row["id"])
        else:
            same += 1
    found["removed"] = [name for name in before if name not in there]
    return {
        "same": same,
        **{what: len(names) for what, names in found.items()},
        "examples": _examples(old, new, {what: set(names[:SHOWN]) for what, names in found.items()}),
        "figures": _beside(_statistics(old), _statistics(new)),
    }


def _rows(folder: Path) -> Iterator[tuple[str, Row]]:
    for split in SPLITS:
        path = folder / f"{split}.jsonl"
        if not path.is_file():
            raise SourceMistake(f"there is no {split}.jsonl in it.", where=str(folder), hint="Name a dataset's folder.")
        yield from ((split, row) for row in read_rows(path))


def _digest(row: Row) -> bytes:
    return blake2b(dump(row).encode(), digest_size=12).digest()


def _examples(old: Path, new: Path, wanted: Mapping[str, set[str]]) -> dict[str, list[dict[str, Any]]]:
    every = set().union(*wanted.values())
    sides = [{row["id"]: (split, row) for split, row in _rows(folder) if row["id"] in every} for folder in (old, new)]
    return {what: [_both(name, *sides) for name in sorted(names)] for what, names in wanted.items() if names}


def _both(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    def side(rows: Mapping[str, Any]) -> dict[str, Any] | None:
        return {"split": rows[name][0], "row": rows[name][1]} if name in rows else None

    return {"id": name, "before": side(before), "after": side(after)}


def _statistics(folder: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((folder / "statistics.json").read_text(encoding="utf-8"))
        return found
    except (OSError, ValueError) as error:
        raise SourceMistake("has no statistics.json that can be read.", where=str(folder)) from error


def _beside(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Every single figure of both, by its path; histograms are not single figures."""
    left, right = dict(_figures(old, "")), dict(_figures(new, ""))
    return {path: [left.get(path), right.get(path)] for path in sorted({*left, *right})}


def _figures(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _figures(each, f"{path}.{key}" if path else str(key))
    elif path == "dropped":
        for each in value:
            yield f"dropped.{each['transform']}: {each['reason']}", each["rows"]
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield path, value
