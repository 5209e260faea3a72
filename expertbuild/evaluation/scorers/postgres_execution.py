"""Right is a query that gives what the expected query gives, on several random databases, on PostgreSQL itself.

As `sql_execution`, which has SQLite: the same databases, drawn from both queries' own values, and the same comparison of
rows. A query runs read-only, as a role that may read no file, with caps on time and rows, in a transaction that is rolled
back (see `postgres_server`). Whatever it does to the server, to the connection or to whoever reads its rows, it fails, and
the next case is judged.
"""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from expertbuild.evaluation.engines import POSTGRES_DSN
from expertbuild.evaluation.scorers import Score, sql_parse
from expertbuild.evaluation.scorers.declined import declined
from expertbuild.evaluation.scorers.postgres_server import SERVER
from expertbuild.evaluation.scorers.sql_databases import Shape, fill, literals, shape
from expertbuild.evaluation.scorers.sql_execution import same, unfenced
from expertbuild.evaluation.scorers.sqlite_box import LONGEST_QUERY, MOST_ROWS, Rows, SqlFailed, counted

FILLING = 30.0  # seconds to make the tables and their rows, on a busy machine
LATE = 5.0  # seconds after its time at which a query is ended from outside: the server does not stop each of its loops
TRIES = 4  # databases drawn for each one that is used, at most


def score(answer: str, row: Mapping[str, Any], databases: int = 4, seconds: float = 2.0) -> Score:
    query, gold = unfenced(answer).strip(), unfenced(row["answer"]).strip()
    if not query:
        return Score(0.0, "no query")
    if (said := declined(query, gold)) is not None:
        return said
    if query == gold:
        return Score(1.0, "the expected query itself")
    try:
        tables = shape(row["facts"]["ddl"])
    except (KeyError, SqlFailed) as error:
        return Score(0.0, f"the case has no schema that runs here: {error}")
    try:
        return _judged(tables, gold, query, databases, seconds, str(row["id"]))
    except SqlFailed as error:
        return Score(0.0, f"the case itself fails: {error}")


def well_formed(answer: str) -> bool:
    return sql_parse.well_formed(answer)


def engine(**options: Any) -> str:
    import os

    version = SERVER.connection().info.server_version
    whose = f"the server of {POSTGRES_DSN}" if os.environ.get(POSTGRES_DSN) else "a server of its own"
    return f"PostgreSQL {version // 10000}.{version % 10000}, {whose}"


def _judged(tables: Shape, gold: str, query: str, wanted: int, seconds: float, name: str) -> Score:
    ordered = "ORDER BY" in " ".join(gold.upper().split())
    values = literals(gold, query)
    nulls = "NULL" in f"{gold} {query}".upper()
    used = 0
    for number in range(wanted * TRIES):
        rng = random.Random(f"{name}/{number}")
        content = fill(tables, values, rng, nulls=nulls, distinct=ordered)
        try:
            expected, given = _asked(tables, content, (gold, query), seconds)
        except NotFilled:
            if values == literals(gold):
                raise
            values = literals(gold)  # the answer has a value that no column here can hold
            continue
        if isinstance(expected, SqlFailed):
            raise expected
        if isinstance(given, SqlFailed):
            return Score(0.0, f"fails: {given}")
        [again] = _asked(tables, {table: rows[::-1] for table, rows in content.items()}, (gold,), seconds)
        if isinstance(again, SqlFailed):
            raise again
        if Counter(map(repr, expected)) != Counter(map(repr, again)):
            continue  # ties decide which rows a LIMIT keeps
        if not same(given, expected, ordered=ordered and expected == again):
            return Score(0.0, f"gives {_told(given)} instead of {_told(expected)}")
        used += bool(expected)
        if used == wanted:
            break
    if not used:
        return Score(
            0.0, "no database decides this case: the expected query gives nothing on each, or its result is open"
        )
    return Score(1.0, f"the same rows on {used} databases")


class NotFilled(SqlFailed):
    """A schema or its rows that PostgreSQL does not take."""


def _asked(
    tables: Shape,
    content: Mapping[str, Sequence[Sequence[Any]]],
    queries: Sequence[str],
    seconds: float,
    connections: int = 3,
) -> list[Rows | SqlFailed]:
    """What each query gives on a database with these rows, or why it fails; nothing of it stays.

    A connection that is lost before a query has run is nobody's fault: another is taken, `connections` in all.
    """
    import psycopg

    with SERVER.session() as connection:
        try:
            _fill(connection, tables.ddl, content)
        except psycopg.Error as error:
            if not connection.closed or connections == 1:
                raise NotFilled(_said(error)) from error
        else:
            return [_run(connection, query, seconds) for query in queries]
    return _asked(tables, content, queries, seconds, connections - 1)


def _fill(connection: Any, ddl: str, content: Mapping[str, Sequence[Sequence[Any]]]) -> None:
    schema = f"cases_{connection.info.backend_pid}"  # one that was ended may not be gone yet, with its schema
    connection.execute(f"CREATE SCHEMA {schema}")
    connection.execute(f"SET LOCAL search_path TO {schema}")
    connection.execute(f"SET LOCAL statement_timeout = {int(1000 * FILLING)}")
    connection.execute(ddl)
    for name, rows in content.items():
        if rows:
            marks = ", ".join(["%s"] * len(rows[0]))
            texts = [[None if cell is None else str(cell) for cell in each] for each in rows]
            with connection.cursor() as cursor:
                cursor.executemany(f'INSERT INTO "{name}" VALUES ({marks})', texts)
    connection.execute("SET TRANSACTION READ ONLY")


def _run(connection: Any, query: str, seconds: float) -> Rows | SqlFailed:
    """The rows of one query, or why it fails; after one that fails, the connection is good for nothing more here."""
    if len(query) > LONGEST_QUERY:
        return SqlFailed("it is too long")
    try:
        with SERVER.watched(seconds + LATE):
            return _rows(connection, query, seconds)
    except SqlFailed as error:
        return error
    except Exception as error:  # of the server, of the connection, or of whoever reads a value
        return SqlFailed(_said(error))


def _rows(connection: Any, query: str, seconds: float) -> Rows:
    """The rows of one query that reads: a cursor takes nothing else. They are read one by one: each may be large."""
    connection.execute(f"SET LOCAL statement_timeout = {int(seconds * 1000)}")
    connection.execute("SAVEPOINT before")
    with connection.cursor(name="asked") as asked, connection.cursor() as reader:
        asked.execute(query.rstrip("; \n\t").encode())
        with closing(reader.stream(f"FETCH {MOST_ROWS + 1} FROM asked")) as rows:
            found = counted([tuple(map(_plain, row))] for row in rows)
    connection.execute("ROLLBACK TO before")
    return found


def _plain(value: Any) -> Any:
    """Numbers, text and nothing as they are; dates as they are written; the rest as text."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    return value if value is None or isinstance(value, int | float | str) else str(value)


def _said(error: Exception) -> str:
    text = str(error).strip().splitlines()
    said = text[0] if text else type(error).__name__
    return "it runs too long" if "statement timeout" in said else said[:200]


def _told(rows: Rows) -> str:
    shown = ", ".join(str(tuple(row)) for row in rows[:2])
    return f"{len(rows)} rows ({shown}{', …' if len(rows) > 2 else ''})"[:160] if rows else "no rows"
