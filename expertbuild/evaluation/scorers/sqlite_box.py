"""A SQLite database in memory that a model's query can read and nothing else.

An authoriser lets only SELECT through: no table is changed or dropped, no file attached or written, no extension
loaded, no pragma set. A query is stopped after a time, and results, values and memory have caps.
"""

import sqlite3
import time
from collections.abc import Mapping, Sequence
from typing import Any

Rows = list[tuple[Any, ...]]

MOST_ROWS = 10_000
LONGEST_VALUE = 1_000_000
MOST_MEMORY = 128 * 2**20
LONGEST_QUERY = 20_000

_ALLOWED = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
_NEVER = {"load_extension", "readfile", "writefile", "edit", "fts3_tokenizer"}


class SqlFailed(Exception):
    """A query or schema that does not run, in SQLite's words."""


class Box:
    """One database, filled once, then read only."""

    def __init__(self, ddl: str, content: Mapping[str, Sequence[Sequence[Any]]]) -> None:
        self._connection = sqlite3.connect(":memory:", isolation_level=None)
        self._connection.execute(f"PRAGMA hard_heap_limit={MOST_MEMORY}")
        self._connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        self._connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_VALUE)
        self._connection.setlimit(sqlite3.SQLITE_LIMIT_SQL_LENGTH, LONGEST_VALUE)
        try:
            self._connection.executescript(ddl)
            for name, rows in content.items():
                if rows:
                    marks = ", ".join("?" * len(rows[0]))
                    self._connection.executemany(f'INSERT INTO "{name}" VALUES ({marks})', rows)
        except sqlite3.Error as error:
            raise SqlFailed(str(error)) from error
        self._connection.setlimit(sqlite3.SQLITE_LIMIT_SQL_LENGTH, LONGEST_QUERY)
        self._connection.set_authorizer(_may)

    def run(self, query: str, seconds: float) -> Rows:
        """The rows of one query."""
        stop = time.monotonic() + seconds
        self._connection.set_progress_handler(lambda: time.monotonic() > stop, 1000)
        try:
            cursor = self._connection.execute(query)
            if cursor.description is None:
                raise SqlFailed("it is not a query")
            rows = cursor.fetchmany(MOST_ROWS + 1)
        except (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError, MemoryError) as error:
            said = "it runs too long" if str(error) == "interrupted" else str(error) or type(error).__name__
            raise SqlFailed(said) from error
        finally:
            self._connection.set_progress_handler(None, 0)
        if len(rows) > MOST_ROWS:
            raise SqlFailed(f"it gives more than {MOST_ROWS} rows")
        return rows

    def close(self) -> None:
        self._connection.close()


def _may(action: int, first: str | None, second: str | None, *_: object) -> int:
    if action == sqlite3.SQLITE_FUNCTION and second in _NEVER:
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY
