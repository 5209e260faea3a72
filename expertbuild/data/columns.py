"""Foreign columns as rows: which column is the question, which the answer, or how both are put together.

    columns:
      prompt: "{schema}\\n{question}"     # a template over columns
      answer: query                      # or just a column's name
      stratum: category
      group: db
      facts: {ddl: schema}

A column that holds an object or a list is written as compact JSON. Records that already have `messages` and `answer` need no
mapping. A source's `needs: [answer]` leaves out records in which such a column is empty, and counts them.
"""

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from string import Formatter
from typing import Any

from expertbuild.data.errors import SourceMistake
from expertbuild.data.rows import Row, RowRefused, check_row, dump

LONGEST_ROW = 1_000_000  # characters: far beyond what any base reads at once
NAMES = ("id", "stratum", "group", "part")
FIELDS = ("messages", "answer", "facts", *NAMES)
KEYS = ("id", "system", "prompt", "answer", "stratum", "group", "facts")


def check_columns(columns: Mapping[str, Any] | None) -> None:
    """Refuse a mapping that could never give a row."""
    if columns is None:
        return
    for key in columns:
        if key not in KEYS:
            raise SourceMistake(f'"{key}" is no part of a row.', where="columns", hint=f"Known: {', '.join(KEYS)}.")
    for key in ("prompt", "answer"):
        if key not in columns:
            raise SourceMistake(f'the mapping does not say what the "{key}" is.', where="columns")


def lacking(record: Any, needs: Sequence[str]) -> str | None:
    """The first of these columns that is empty in a record, or is not there."""
    return next((name for name in needs if isinstance(record, Mapping) and record.get(name) in (None, "")), None)


def to_row(record: Any, columns: Mapping[str, Any] | None, where: str) -> Row:
    """One record as a row; `where` names it in errors."""
    if not isinstance(record, Mapping):
        raise SourceMistake("is not a record with named columns.", where=where)
    row = {"stratum": "all", **(_own(record) if columns is None else _mapped(record, columns, where))}
    if "id" not in row:
        row["id"] = sha256(_written(row, where).encode()).hexdigest()[:16]
    _written(check_row(row, where), where)
    return row


def _own(record: Mapping[str, Any]) -> Row:
    """What of a record has a place in a row; a whole number where a name stands is one."""
    row = {key: value for key, value in record.items() if key in FIELDS}
    if isinstance(row.get("messages"), list):
        row["messages"] = [_turn(each) for each in row["messages"]]
    return row | {key: str(row[key]) for key in NAMES if type(row.get(key)) is int}


def _turn(message: Any) -> Any:
    return (
        {key: message[key] for key in ("role", "content") if key in message} if isinstance(message, dict) else message
    )


def _written(row: Row, where: str) -> str:
    """A row as its line of JSON: of a length that could be learned, and of characters that can be written."""
    try:
        text = dump(row)
        text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        half = isinstance(error, UnicodeEncodeError)
        said = "holds half of a surrogate pair, which is no text." if half else "holds what is no JSON."
        raise RowRefused(said, where=where) from None
    if len(text) > LONGEST_ROW:
        raise RowRefused(f"has {len(text):,} characters; at most {LONGEST_ROW:,} are taken.", where=where)
    return text


def _mapped(record: Mapping[str, Any], columns: Mapping[str, Any], where: str) -> Row:
    def value(key: str) -> str:
        return _text(record, columns[key], where)

    messages = [{"role": "user", "content": value("prompt")}]
    if "system" in columns:
        messages.insert(0, {"role": "system", "content": value("system")})
    row: Row = {"messages": messages, "answer": value("answer")}
    row |= {key: value(key) for key in ("id", "stratum", "group") if key in columns}
    row["facts"] = {name: _text(record, source, where) for name, source in (columns.get("facts") or {}).items()}
    return row


def _text(record: Mapping[str, Any], source: str, where: str) -> str:
    if "{" not in source:
        source = "{" + source + "}"
    parts = []
    for text, column, _, _ in Formatter().parse(source):
        parts.append(text)
        if column is None:
            continue
        if column not in record or record[column] is None:
            raise SourceMistake(
                f'there is no column "{column}".' if column not in record else f'the column "{column}" is empty.',
                where=where,
                hint=f"There are: {', '.join(map(str, record))}." if column not in record else "",
            )
        try:
            parts.append(said(record[column]))
        except TypeError:
            raise SourceMistake(f'the column "{column}" holds bytes, not text.', where=where) from None
    return "".join(parts)


def said(value: Any) -> str:
    """A value as text: what is no text and no number, as compact JSON. Bytes are no text: a TypeError."""
    if isinstance(value, bytes | bytearray):
        raise TypeError("bytes are no text")
    if isinstance(value, dict | list | bool):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=said)
    return str(value)
