"""A file of rows, looked at line by line: everything that is wrong with it, not only the first thing.

Knows the shape of a row (schemas/row.schema.json) and that an id is there once, if rows have any. Whether the rows are any good it does
not say: a build's report does.
"""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from expertbuild.data.bounded_schema import load, refusal
from expertbuild.data.columns import FIELDS
from expertbuild.data.rows import check_row
from expertbuild.data.transforms.chat import MARKS
from runtime.artifact import strict_json
from runtime.artifact.refusals import BadJson
from runtime.errors import Problem

LONGEST = 64 << 20  # bytes of one line
FAULTS = 1000  # that are told one by one


def check_file(path: Path, schema: Path | None = None) -> dict[str, Any]:
    """The number of rows, every fault with its line, and what is odd without being wrong."""
    bounded = load(schema) if schema is not None else None
    faults: list[dict[str, Any]] = []
    seen: dict[str, int] = {}
    notes: Counter[str] = Counter()
    rows = wrong = 0
    for number, line in _lines(path):
        rows += 1
        fault, row = _fault(line, f"{path.name}:{number}")
        if row is not None and not fault:
            first = seen.setdefault(row["id"], number)
            if first != number:
                fault = f"has the id of line {first}."
            elif bounded is not None:
                fault = _unlike(bounded, row["answer"])
            notes["with no answer"] += not row["answer"].strip()
            texts = [row["answer"], *(message["content"] for message in row["messages"])]
            notes["that spell a control token of a chat format"] += any(MARKS.search(text) for text in texts)
        if fault:
            wrong += 1
            if len(faults) < FAULTS:
                faults.append({"line": number, "what": fault})
    return {
        "file": str(path),
        "rows": rows,
        "wrong": wrong,
        "faults": faults,
        "notes": {what: count for what, count in notes.items() if count},
    }


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Lines that are not blank; of one that is too long, the beginning."""
    with path.open("rb") as file:
        number = 0
        while line := file.readline(LONGEST + 1):
            number += 1
            last = line
            while len(last) > LONGEST or (last is not line and last and not last.endswith(b"\n")):
                last = file.readline(LONGEST)
            if line.strip():
                yield number, line


def _fault(line: bytes, where: str) -> tuple[str, Any]:
    if len(line) > LONGEST:
        return f"is longer than {LONGEST >> 20} MB.", None
    try:
        line.decode("utf-8")
    except UnicodeDecodeError as error:
        return f"is not UTF-8 at byte {error.start}.", None
    try:
        row = strict_json.read(line, "the line", cap=LONGEST)
        if isinstance(row, dict) and (unknown := sorted(set(row) - set(FIELDS))):
            return f"has no place for {', '.join(repr(key)[:40] for key in unknown[:3])}.", None
        # What a build fills in may be missing.
        row = check_row({"stratum": "all", "id": where, **row} if isinstance(row, dict) else row, where)
        return "", row
    except BadJson as fault:
        return fault.what, None
    except json.JSONDecodeError as error:
        return f"is not JSON ({error.msg}).", None
    except Problem as problem:
        return problem.what, None


def _unlike(bounded: Any, answer: str) -> str:
    try:
        value = strict_json.read(answer.encode(), "the answer")
    except BadJson as fault:
        return fault.what
    found = refusal(bounded, value)
    return f"its answer does not follow the schema: {found}." if found else ""
