"""The workers of one build: spawned when the first step needs one, reused, ended when the build ends.

A build with nothing to do never gets here, and pays for none of the imports of spawn.py.
"""

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from expertbuild.graph.spawn import Worker

# One variable per library that starts threads of its own. What the user has set stays.
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")
# Threads that wait by spinning cost a shared machine more than they gain: an engine step took ten times as long.
_PATIENT = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "0"}
_GRACE = 5.0  # seconds for a function's `finally` blocks once it was asked to end


def cores() -> int:
    with suppress(AttributeError):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Pool:
    def __init__(self, size: int, sign: Path | None) -> None:
        self._size = size
        self._sign = sign
        self._lifeline: tuple[int, int] | None = None
        self.workers: list[Worker] = []

    def has_room(self) -> bool:
        return len(self.workers) < self._size or any(worker.holder is None for worker in self.workers)

    def free(self) -> "Worker":
        """A worker without a task: one that waits, or a new one. Ask `has_room` first."""
        for worker in self.workers:
            if worker.holder is None:
                return worker
        return self._spawn()

    def discard(self, worker: "Worker") -> None:
        self.workers.remove(worker)
        worker.end()

    def stop(self) -> None:
        """Ask all to end in the middle of their work."""
        for worker in self.workers:
            worker.process.terminate()
        self.close()

    def close(self) -> None:
        """Hang up, wait a moment for all to end, then make them."""
        for worker in self.workers:
            worker.channel.close()
        until = time.monotonic() + _GRACE
        for worker in self.workers:
            worker.wait(until)
        self.kill()

    def kill(self) -> None:
        while self.workers:
            self.workers.pop().end()
        if self._lifeline:
            for descriptor in self._lifeline:
                os.close(descriptor)
            self._lifeline = None

    def _spawn(self) -> "Worker":
        from expertbuild.graph.spawn import Worker

        if self._lifeline is None:
            self._lifeline = os.pipe()
        threads = str(max(1, cores() // self._size))
        environment = {"PYTHONHASHSEED": "0", **_PATIENT, **dict.fromkeys(_THREADS, threads), **os.environ}
        worker = Worker(self._lifeline[0], self._sign, environment)
        self.workers.append(worker)
        return worker
