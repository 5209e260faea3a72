"""A SQLite database in memory that a model's query can read and nothing else.

An authoriser lets only SELECT through: no table is changed or dropped, no file attached or written, no extension
loaded, no pragma set. A query is stopped after a time, and results, values and memory have caps.

SQLite looks at the clock between the rounds of its loops, never within a call of a function. So what one call may be given
is short, and so is what stands between two looks: a query that wants to take long takes its time and a few seconds more.
"""

import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

Rows = list[tuple[Any, ...]]

MOST_ROWS = 10_000
LARGEST_RESULT = 4_000_000  # characters or bytes of all values together, each counted with CELL more
CELL = 8
LONGEST_QUERY = 20_000
LONGEST_VALUE = 3_000  # bytes, also of a row that is kept
LONGEST_CONTENT = 1_000_000  # bytes of a value, or of the schema, while the database is made
MOST_MEMORY = 128 * 2**20
LOOK = 100  # steps after which the clock is looked at, if a round of a loop ends

# What a query may do once the database is made. The longest stretch without a look that was found, some 850 calls of
# trim on values of this length, took 4 seconds; the largest program of an honest query had 1,000 steps.
_CAPS = {
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: LONGEST_QUERY,
    sqlite3.SQLITE_LIMIT_LENGTH: LONGEST_VALUE,
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 200,
    sqlite3.SQLITE_LIMIT_VDBE_OP: 2_700,  # steps of the program that a query becomes
}

_ALLOWED = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
_LONG = (str, bytes)
_NEVER = {"load_extension", "readfile", "writefile", "edit", "fts3_tokenizer"}


class SqlFailed(Exception):
    """A query or schema that does not run, in SQLite's words."""


class Box:
    """One database, filled once, then read only."""

    def __init__(self, ddl: str, content: Mapping[str, Sequence[Sequence[Any]]]) -> None:
        self._connection = sqlite3.connect(":memory:", isolation_level=None)
        self._connection.execute(f"PRAGMA hard_heap_limit={MOST_MEMORY}")
        self._connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        self._connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_CONTENT)
        self._connection.setlimit(sqlite3.SQLITE_LIMIT_SQL_LENGTH, LONGEST_CONTENT)
        try:
            self._connection.executescript(ddl)
            for name, rows in content.items():
                if rows:
                    marks = ", ".join("?" * len(rows[0]))
                    self._connection.executemany(f'INSERT INTO "{name}" VALUES ({marks})', rows)
        except sqlite3.Error as error:
            raise SqlFailed(str(error)) from error
        for cap, most in _CAPS.items():
            self._connection.setlimit(cap, most)
        self._connection.set_authorizer(_may)

    def run(self, query: str, seconds: float) -> Rows:
        """The rows of one query."""
        stop = time.monotonic() + seconds
        self._connection.set_progress_handler(lambda: time.monotonic() > stop, LOOK)
        try:
            cursor = self._connection.execute(query)
            if cursor.description is None:
                raise SqlFailed("it is not a query")
            piece = max(1, LARGEST_RESULT // (len(cursor.description) * (LONGEST_VALUE + CELL)))
            return counted(iter(lambda: cursor.fetchmany(piece), []))
        except (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError, MemoryError) as error:
            raise SqlFailed(_said(error)) from error
        finally:
            self._connection.set_progress_handler(None, 0)

    def close(self) -> None:
        self._connection.close()


def counted(pieces: Iterable[Rows]) -> Rows:
    """The rows of a result that comes in pieces, and that may be neither long nor large."""
    found: Rows = []
    size = 0
    for piece in pieces:
        found += piece
        size += CELL * len(piece) * len(piece[0])
        size += sum([len(cell) for cell in chain.from_iterable(piece) if isinstance(cell, _LONG)])
        if len(found) > MOST_ROWS:
            raise SqlFailed(f"it gives more than {MOST_ROWS} rows")
        if size > LARGEST_RESULT:
            raise SqlFailed("it gives too much")
    return found


def _said(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "it takes too much memory, or too many steps"
    return "it runs too long" if str(error) == "interrupted" else str(error) or type(error).__name__


def _may(action: int, first: str | None, second: str | None, *_: object) -> int:
    if action == sqlite3.SQLITE_FUNCTION and second in _NEVER:
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY
