"""Right is a query that gives what the expected query gives, on several random databases.

Rows count as a multiset, columns in any order; the order of rows counts where the expected query has ORDER BY, and
only as far as it is determined (a database on which ties leave it open is not used). Databases are drawn from both
queries' own values, so that `> 5` and `>= 5` differ on them. The engine is the embedded SQLite; see `sqlite_box` for
what a query cannot do there.
"""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

from expertbuild.evaluation.scorers import Score
from expertbuild.evaluation.scorers.declined import declined, declines
from expertbuild.evaluation.scorers.sql_databases import Shape, fill, literals, shape
from expertbuild.evaluation.scorers.sqlite_box import Box, Rows, SqlFailed

TRIES = 6  # databases drawn for each one that is used, at most
MOST_PERMUTED = 6  # columns
# What SQLite says of text that is not one statement; of one about tables that are not there it says other things.
UNREAD = (
    "syntax error",
    "incomplete input",
    "unrecognized token",
    "one statement",
    "null char",
    "overflow",
    "too large",
)


@dataclass(frozen=True)
class Expected:
    box: Box
    rows: Rows
    ordered: bool


def score(answer: str, row: Mapping[str, Any], databases: int = 6, seconds: float = 1.0) -> Score:
    query = unfenced(answer)
    if not query:
        return Score(0.0, "no query")
    if (said := declined(query, row["answer"])) is not None:
        return said
    try:
        tables = shape(row["facts"]["ddl"])
    except (KeyError, SqlFailed) as error:
        return Score(0.0, f"the case has no schema that runs here: {error}")
    used = 0
    try:
        for expected in _databases(tables, row, query, databases, seconds):
            used += 1
            try:
                given = expected.box.run(query, seconds)
            except SqlFailed as error:
                return Score(0.0, f"fails: {error}")
            if not same(given, expected.rows, ordered=expected.ordered):
                return Score(0.0, f"gives {_told(given)} instead of {_told(expected.rows)}")
    except SqlFailed as error:
        return Score(0.0, f"the expected query fails: {error}")
    if not used:
        return Score(0.0, "no database decides this case: the expected query's result is open on each")
    return Score(1.0, f"the same rows on {used} databases")


def well_formed(answer: str) -> bool:
    """Whether SQLite's parser reads it as one statement. Nothing is run."""
    query = unfenced(answer)
    if declines(query):
        return True
    box = Box("", {})
    try:
        box.run(f"EXPLAIN {query}", 1.0)
    except SqlFailed as error:
        return not any(said in str(error) for said in UNREAD)
    finally:
        box.close()
    return True


def unfenced(answer: str) -> str:
    """The query in an answer; a code fence around all of it is let pass."""
    text = answer.strip()
    if text.startswith("```") and text.endswith("```") and "\n" in text:
        text = text[text.index("\n") : -3].strip()
    return text


def same(given: Rows, expected: Rows, *, ordered: bool) -> bool:
    """Whether two results agree, up to the order of columns and, unless it was asked for, of rows."""
    if len(given) != len(expected):
        return False
    if not expected:
        return True
    if len(given[0]) != len(expected[0]):
        return False
    left, right = [_plain(row) for row in given], [_plain(row) for row in expected]
    for order in _orders(left, right):
        turned = [tuple(row[column] for column in order) for row in left]
        if turned == right if ordered else Counter(turned) == Counter(right):
            return True
    return False


def _databases(tables: Shape, row: Mapping[str, Any], query: str, wanted: int, seconds: float) -> Sequence[Expected]:
    """Databases on which the expected query has one answer: `wanted` that tell much, and one that tells little.

    One that tells much gives rows, in a settled order if an order is asked for.
    """
    gold = unfenced(row["answer"])
    ordered = "ORDER BY" in " ".join(gold.upper().split())
    values = literals(gold, query)
    nulls = "NULL" in f"{gold} {query}".upper()
    telling: list[Expected] = []
    others: list[Expected] = []
    for number in range(wanted * TRIES):
        rng = random.Random(f"{row['id']}/{number}")
        content = fill(tables, values, rng, nulls=nulls, distinct=ordered)
        box, turned = Box(tables.ddl, content), Box(tables.ddl, {name: rows[::-1] for name, rows in content.items()})
        rows, again = box.run(gold, seconds), turned.run(gold, seconds)
        turned.close()
        if Counter(map(_plain, rows)) != Counter(map(_plain, again)):
            continue  # ties decide which rows a LIMIT keeps
        settled = rows == again
        found = Expected(box, rows, ordered and settled)
        tells = settled and len(rows) > 1 if ordered else bool(rows)
        (telling if tells else others).append(found)
        if len(telling) == wanted:
            break
    return [*telling, *others[: 1 if telling else wanted]]


def _plain(row: Sequence[Any]) -> tuple[Any, ...]:
    """Values as they compare: numbers to nine digits, whatever their type."""
    return tuple(f"{value:.9g}" if isinstance(value, int | float) else (type(value).__name__, value) for value in row)


def _orders(left: Sequence[tuple[Any, ...]], right: Sequence[tuple[Any, ...]]) -> Sequence[tuple[int, ...]]:
    """Orders of the left columns in which each has the values of the right one."""
    width = len(right[0])
    if width > MOST_PERMUTED:
        return [tuple(range(width))]
    mine = [Counter(row[column] for row in left) for column in range(width)]
    theirs = [Counter(row[column] for row in right) for column in range(width)]
    return [
        order
        for order in permutations(range(width))
        if all(mine[column] == theirs[place] for place, column in enumerate(order))
    ]


def _told(rows: Rows) -> str:
    shown = ", ".join(str(tuple(row)) for row in rows[:2])
    return f"{len(rows)} rows ({shown}{', …' if len(rows) > 2 else ''})"[:160] if rows else "no rows"
