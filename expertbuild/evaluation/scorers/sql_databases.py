"""Random content for any schema, drawn so that wrong queries are found out.

Values come from the queries that will run (a constant, its neighbours, words that contain it) and from chance; some
databases repeat values much, for groups and ties, others hardly. Keys count from 1 and foreign keys find a partner.
"""

import random
import re
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from expertbuild.evaluation.scorers.sqlite_box import SqlFailed

WORDS = ("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heath", "inlet", "juniper", "kelp", "larch")
LONGEST_TEXT = 200  # letters of a constant that is put into a table
_STRING = re.compile(r"'((?:[^']|'')*)'")
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w.])")
_LIMIT = re.compile(r"\b(?:LIMIT|OFFSET)\s+\d+", re.IGNORECASE)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class Column:
    name: str
    kind: str  # "text" | "integer" | "real" | "date" | "flag"
    key: bool  # counts from 1
    points: bool  # holds a key of another table
    filled: bool  # may not be NULL


@dataclass(frozen=True)
class Shape:
    ddl: str
    tables: dict[str, tuple[Column, ...]]


@dataclass(frozen=True)
class Literals:
    """The constants of some queries."""

    texts: tuple[str, ...]
    numbers: tuple[float, ...]
    dates: tuple[str, ...]


@lru_cache(maxsize=64)
def shape(ddl: str) -> Shape:
    """The tables that a script makes."""
    connection = sqlite3.connect(":memory:")
    try:
        connection.executescript(ddl)
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        tables = {name: _columns(connection, name) for name in sorted(names) if not name.startswith("sqlite_")}
    except sqlite3.Error as error:
        raise SqlFailed(str(error)) from error
    finally:
        connection.close()
    if not tables:
        raise SqlFailed("it makes no table")
    return Shape(ddl, tables)


def literals(*queries: str) -> Literals:
    """What stands in quotes, and what stands as a number."""
    texts: list[str] = []
    numbers: list[float] = []
    for query in queries:
        texts += [text.replace("''", "'") for text in _STRING.findall(query)]
        bare = _LIMIT.sub("", _STRING.sub("''", query))
        numbers += [float(number) for number in _NUMBER.findall(bare)[:50]]
    dates = [text for text in texts if _DATE.fullmatch(text)]
    plain = [text.strip("%_") for text in texts if not _DATE.fullmatch(text) and _fits(text)]
    return Literals(tuple(dict.fromkeys(plain)), tuple(dict.fromkeys(numbers)), tuple(dict.fromkeys(dates)))


def fill(
    tables: Shape, values: Literals, rng: random.Random, *, nulls: bool, distinct: bool = False
) -> dict[str, list[tuple[Any, ...]]]:
    """Rows for every table; `distinct` makes numbers and dates in a column mostly differ: an order without ties."""
    size = rng.choice((6, 12, 12, 40))
    # How many different values a column has, as a share of its rows.
    variety = rng.choice((0.5, 1.0, 1.0, 1.0) if distinct else (0.0, 0.15, 0.15, 0.5, 0.5, 1.0))
    return {name: _rows(columns, values, rng, size, variety, nulls) for name, columns in tables.tables.items()}


def _rows(
    columns: Sequence[Column], values: Literals, rng: random.Random, size: int, variety: float, nulls: bool
) -> list[tuple[Any, ...]]:
    size = rng.randint(max(2, size // 2), size)
    made: list[list[Any]] = []
    for column in columns:
        if column.key:
            made.append(list(range(1, size + 1)))
        elif column.points:
            made.append([rng.randint(1, max(2, size * 2 // 3)) for _ in range(size)])
        else:
            made.append(_cells(column, values, rng, size, variety, nulls))
    return list(zip(*made, strict=True))


def _cells(column: Column, values: Literals, rng: random.Random, size: int, variety: float, nulls: bool) -> list[Any]:
    share = min(variety, 0.4) if column.kind == "text" else variety
    pool = [_value(column.kind, values, rng) for _ in range(max(1, round(size * share)))]
    cells = [rng.choice(pool) for _ in range(size)]
    if variety == 1 and column.kind != "text":  # each another, as far as there are so many
        different = list(dict.fromkeys(_value(column.kind, values, rng) for _ in range(4 * size)))
        cells[: len(different)] = different[:size]
        rng.shuffle(cells)
    return [None if nulls and not column.filled and rng.random() < 0.2 else cell for cell in cells]


def _value(kind: str, values: Literals, rng: random.Random) -> Any:
    wanted = rng.random() < 0.5
    if kind == "text":
        return _text(values.texts if wanted else (), rng)
    if kind == "flag":
        return rng.randint(0, 1)
    if kind == "date":
        start = date(rng.randint(1990, 2029), rng.randint(1, 12), rng.randint(1, 28))
        if wanted and values.dates:
            start = _day(rng.choice(values.dates), start)
        return _later(start, rng.choice((0, 0, -1, 1, 30))).isoformat()
    if wanted and values.numbers:
        number = rng.choice(values.numbers) + rng.choice((0, 0, -1, 1)) * (1 if kind == "integer" else 0.5)
        if abs(number) < 1e15:
            return int(number) if kind == "integer" else round(number, 4)
    low = rng.randint(0, 10_000)
    return low if kind == "integer" else round(low / rng.choice((1, 10, 100)), 2)


def _text(texts: Sequence[str], rng: random.Random) -> str:
    word = rng.choice(WORDS) + (str(rng.randint(1, 99)) if rng.random() < 0.3 else "")
    if not texts:
        return word
    text = rng.choice(texts)
    return rng.choice((text, text, text, text + word, word + text, word + text + word, text.swapcase()))


def _day(text: str, otherwise: date) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return otherwise


def _fits(text: str) -> bool:
    """Whether a table can hold it: nothing very long, and no half of a character."""
    return len(text) <= LONGEST_TEXT and not any("\ud800" <= letter <= "\udfff" for letter in text)


def _later(start: date, days: int) -> date:
    """So many days later, as far as the calendar goes: a query may name its first or its last day."""
    return date.fromordinal(min(max(start.toordinal() + days, date.min.toordinal()), date.max.toordinal()))


def _columns(connection: sqlite3.Connection, table: str) -> tuple[Column, ...]:
    quoted = table.replace('"', '""')
    points = {row[3] for row in connection.execute(f'PRAGMA foreign_key_list("{quoted}")')}
    made = []
    for number, name, type_, filled, _, key in connection.execute(f'PRAGMA table_info("{quoted}")'):
        kind = _kind(type_.upper())
        whole = kind == "integer"
        is_key = whole and (key == 1 or name.lower() == "id" or (number == 0 and name.lower().endswith("_id")))
        made.append(
            Column(
                name,
                kind,
                key=is_key and name not in points,
                points=name in points or (whole and not is_key and name.lower().endswith("_id")),
                filled=bool(filled or key),
            )
        )
    return tuple(made)


def _kind(type_: str) -> str:
    for kind, marks in (
        ("flag", ("BOOL",)),
        ("date", ("DATE", "TIME")),
        ("integer", ("INT", "SERIAL")),
        ("text", ("CHAR", "TEXT", "CLOB", "UUID", "JSON", "ENUM")),
    ):
        if any(mark in type_ for mark in marks):
            return kind
    return "real" if type_ else "text"
