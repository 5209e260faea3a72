"""A process that judges for another: one JSON line in, one out; ended and replaced when it dies or hangs.

Whatever an answer does to it, only that process is lost and only that case fails. What runs in it, and its caps, are
the business of the file it is started with.
"""

import atexit
import json
import queue
import subprocess
import tempfile
import threading
from collections.abc import Callable, Sequence
from typing import Any

from expertbuild.evaluation.errors import EvaluationMistake

START = 120.0  # seconds for it to come up, on a machine that has much else to do


class WorkerLost(Exception):
    """It did not come back from this."""


class LineWorker:
    """One such process, started when it is needed; `command` says how, when it comes to that."""

    def __init__(self, what: str, command: Callable[[], Sequence[str]], hint: str = "") -> None:
        self._what, self._command, self._hint = what, command, hint
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[str | None] = queue.Queue()
        atexit.register(self.close)

    def ask(self, asked: Any, seconds: float) -> dict[str, Any]:
        """Its answer, within a time."""
        process = self._started()
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(asked) + "\n")
            process.stdin.flush()
            answer = self._lines.get(timeout=seconds)
            found: dict[str, Any] | None = None if answer is None else json.loads(answer)
        except (OSError, ValueError):  # it is not there, or it went in the middle of a line
            found = None
        except queue.Empty:
            self.close()
            raise WorkerLost("it runs too long") from None
        if found is None:
            self.close()
            raise WorkerLost(f"{self._what} died of it")
        return found

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    def _started(self) -> subprocess.Popen[str]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self.close()
        lines: queue.Queue[str | None] = queue.Queue()
        self._lines = lines
        process = subprocess.Popen(
            list(self._command()),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=tempfile.gettempdir(),
            env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
            encoding="utf-8",
        )
        threading.Thread(target=_listen, args=(process, lines), daemon=True).start()
        self._process = process
        try:
            ready = lines.get(timeout=START)
        except queue.Empty:
            ready = None
        if ready is None:
            self.close()
            raise EvaluationMistake(f"{self._what} does not start.", where="evaluation.scorer", hint=self._hint)
        return process


def _listen(process: subprocess.Popen[str], lines: "queue.Queue[str | None]") -> None:
    assert process.stdout is not None
    try:
        for line in process.stdout:
            lines.put(line)
    except ValueError:  # closed while it was read
        pass
    lines.put(None)
