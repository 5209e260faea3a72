"""The engine that judges Cypher, at a distance: a process of its own, ended and replaced when it dies or hangs.

Only queries that read are sent to it; see `cypher_worker` for its caps.
"""

import atexit
import json
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from typing import Any

from expertbuild.evaluation.errors import EvaluationMistake
from expertbuild.evaluation.scorers import cypher_worker
from expertbuild.evaluation.scorers.cypher_tokens import Token

START = 120.0  # seconds for the engine to come up, on a machine that has much else to do
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


class CypherLost(Exception):
    """The engine did not come back from these queries."""


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
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[str | None] = queue.Queue()

    def run(
        self, graphs: Sequence[Sequence[str]], queries: Sequence[str], seconds: float
    ) -> list[list[Rows | CypherFailed]]:
        """What each query gives on each of some graphs: rows, or why not."""
        asked = {"graphs": [list(each) for each in graphs], "queries": list(queries), "seconds": seconds}
        answer = self._ask(json.dumps(asked), seconds + 5)
        return [
            [CypherFailed(one["failed"]) if "failed" in one else [tuple(row) for row in one["rows"]] for one in results]
            for results in answer["results"]
        ]

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()

    def _ask(self, line: str, seconds: float) -> dict[str, Any]:
        process = self._started()
        assert process.stdin is not None
        try:
            process.stdin.write(line + "\n")
            process.stdin.flush()
            answer = self._lines.get(timeout=seconds)
        except (BrokenPipeError, OSError):
            answer = None
        except queue.Empty:
            self.close()
            raise CypherLost("it runs too long") from None
        if answer is None:
            self.close()
            raise CypherLost("the engine died of it")
        found: dict[str, Any] = json.loads(answer)
        return found

    def _started(self) -> subprocess.Popen[str]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self.close()
        lines: queue.Queue[str | None] = queue.Queue()
        process = subprocess.Popen(
            [sys.executable, "-P", str(cypher_worker.__file__)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=tempfile.gettempdir(),
            text=True,
        )
        threading.Thread(target=_listen, args=(process, lines), daemon=True).start()
        self._process, self._lines = process, lines
        try:
            ready = lines.get(timeout=START)
        except queue.Empty:
            ready = None
        if ready is None:
            self.close()
            raise EvaluationMistake(
                "the engine that runs Cypher does not start.",
                where="evaluation.scorer",
                hint="pip install 'expertbuild[cypher]', or choose the scorer cypher_match.",
            )
        return process


def _listen(process: subprocess.Popen[str], lines: queue.Queue[str | None]) -> None:
    assert process.stdout is not None
    try:
        for line in process.stdout:
            lines.put(line)
    except ValueError:  # closed while it was read
        pass
    lines.put(None)


BOX = Box()
atexit.register(BOX.close)
