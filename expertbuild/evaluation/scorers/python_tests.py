"""Right is Python that passes the row's tests: `facts.before`, the answer and `facts.tests` run one after the other.

They run in a process of their own, with caps on time and memory, that opens no file and no socket and makes no other
process (see `python_worker`): what an answer tries, only its own case pays for.
"""

import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from expertbuild.evaluation.scorers import Score, python_worker, syscalls
from expertbuild.evaluation.scorers.code_judging import judged, parses
from expertbuild.evaluation.scorers.line_worker import LineWorker, WorkerLost

# What reaches the frames that hold the tests: an answer has nothing to look for there.
NEVER = re.compile(r"\b(?:_getframe|_current_frames|(?:gi|cr|ag|tb)_frame|f_(?:back|locals|globals|builtins))\b")
WORKER = LineWorker("the process that runs Python", lambda: [sys.executable, "-I", str(python_worker.__file__)])


def score(answer: str, row: Mapping[str, Any], seconds: float = 5.0, megabytes: int = 256) -> Score:
    def run(parts: Sequence[str]) -> str | None:
        if found := NEVER.search(parts[1]):
            return f"{found[0]} is not allowed"
        try:
            said = WORKER.ask({"parts": list(parts), "seconds": seconds, "memory": megabytes * 2**20}, 6 * seconds + 30)
        except WorkerLost as error:
            return str(error)
        return None if said.get("passed") is True else str(said.get("failed"))

    return judged(answer, row, "python", run)


def well_formed(answer: str) -> bool:
    return parses(answer, "python")


def engine(**options: Any) -> str:
    held = "seccomp" if syscalls.can_shut_in() else "an audit hook alone: this system has no seccomp"
    return f"Python {sys.version.split()[0]}, tests run, held in by limits and {held}"
