"""The engine that judges Cypher, at a distance: a process of its own, ended and replaced when it dies or hangs.

Only queries that read are sent to it; see `cypher_worker` for its caps.
"""

import sys
from collections.abc import Sequence
from typing import Any

from expertbuild.evaluation.scorers import cypher_worker
from expertbuild.evaluation.scorers.cypher_tokens import Token
from expertbuild.evaluation.scorers.line_worker import LineWorker

FIRST = ("MATCH", "OPTIONAL", "WITH", "UNWIND", "RETURN")
# What writes, reads files, or changes the engine: no name may be one of these unless it stands in backticks.
_NEVER = """
ALTER ATTACH BEGIN CALL CHECKPOINT COMMENT COMMIT COPY CREATE DELETE DETACH DROP EXPLAIN EXPORT FOREACH IMPORT
INSTALL LOAD MACRO MERGE PROFILE REMOVE ROLLBACK SET TRANSACTION UNINSTALL UPDATE USE
"""
NEVER = frozenset(_NEVER.split())

Rows = list[tuple[Any, ...]]


class CypherFailed(Exception):
    """A query that may not run, or does not, in the engine's words."""


def check(found: Sequence[Token]) -> None:
    """Refuse a query that does more than read."""
    if not found or found[0].text not in FIRST:
        raise CypherFailed("it does not begin as a query that reads")
    for token in found:
        if token.kind in ("keyword", "variable", "function") and token.text.upper() in NEVER:
            raise CypherFailed(f"{token.text.upper()} is not allowed")
        if token.text == ";":
            raise CypherFailed("it is more than one query")


class Box:
    """One engine process, started when it is needed."""

    def __init__(self) -> None:
        self._worker = LineWorker(
            "the engine that runs Cypher",
            lambda: [sys.executable, "-P", str(cypher_worker.__file__)],
            hint="pip install 'expertbuild[cypher]', or choose the scorer cypher_match.",
        )

    def run(
        self, graphs: Sequence[Sequence[str]], queries: Sequence[str], seconds: float
    ) -> list[list[Rows | CypherFailed]]:
        """What each query gives on each of some graphs: rows, or why not."""
        asked = {"graphs": [list(each) for each in graphs], "queries": list(queries), "seconds": seconds}
        answer = self._worker.ask(asked, seconds + 5)
        return [
            [CypherFailed(one["failed"]) if "failed" in one else [tuple(row) for row in one["rows"]] for one in results]
            for results in answer["results"]
        ]

    def close(self) -> None:
        """End the process."""
        self._worker.close()

    @property
    def pid(self) -> int | None:
        return self._worker.pid


BOX = Box()
