"""Rows: the one shape in which data travels from recipes to training and evaluation, and its JSONL files.

A row is what a model is asked (`messages`), what it should say (`answer`), the kind of case it is (`stratum`) and
what a scorer needs to judge (`facts`); `group` names what must not be split between training and test.
Files are written so that the same rows give the same bytes anywhere.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from runtime.errors import Mistake

Row = dict[str, Any]

ROLES = ("system", "user", "assistant", "tool")


class RowRefused(Mistake):
    """A row that is not of the shape of schemas/row.schema.json."""


def check_row(row: Any, where: str) -> Row:
    """The row itself, or an error that names the place and the field."""
    if not isinstance(row, dict):
        raise RowRefused("is not an object.", where=where)
    for field, kind in (("id", str), ("messages", list), ("answer", str), ("stratum", str)):
        if not isinstance(row.get(field), kind):
            raise RowRefused(f'"{field}" is missing or not {"a list" if kind is list else "text"}.', where=where)
    for field in ("group", "part"):
        if field in row and not isinstance(row[field], str):
            raise RowRefused(f'"{field}" is not text.', where=where)
    if not row["messages"]:
        raise RowRefused("has no messages.", where=where)
    for message in row["messages"]:
        if not (isinstance(message, dict) and message.get("role") in ROLES and isinstance(message.get("content"), str)):
            raise RowRefused("a message has no known role or no text.", where=where)
    if not isinstance(row.setdefault("facts", {}), dict):
        raise RowRefused('"facts" is not an object.', where=where)
    texts = [row["id"], row["answer"], row["stratum"], *(message["content"] for message in row["messages"])]
    if not all(map(_is_text, texts)) or (row["facts"] and not _is_text(json.dumps(row["facts"], ensure_ascii=False))):
        raise RowRefused("holds half of a surrogate pair, which is no text.", where=where)
    return row


def _is_text(text: str) -> bool:
    """Whether it can be written as UTF-8."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def dump(row: Row) -> str:
    """One line of JSON."""
    return json.dumps(row, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def write_rows(path: Path, rows: Iterable[Row]) -> int:
    """Write rows as JSON lines; the number written."""
    count = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            file.write(dump(row) + "\n")
            count += 1
    return count


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of a JSON lines file, checked one by one."""
    with path.open(encoding="utf-8") as file:
        yield from parse_rows(file, path.name)


def parse_rows(lines: Iterable[str], name: str) -> Iterator[Row]:
    """The rows of JSON lines, checked one by one; `name` is what they are called in errors."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise RowRefused(f"is not JSON ({error.msg}).", where=f"{name}:{number}") from error
        yield check_row(row, f"{name}:{number}")


def question(row: Row) -> str:
    """All that is asked, as one text."""
    return "\n".join(f"{message['role']}: {message['content']}" for message in row["messages"])


def bare_question(row: Row) -> str:
    """The question without what does not make it another one: case and blanks."""
    return "".join(question(row).casefold().split())
