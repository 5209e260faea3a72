"""Where slow things happen: talk with the remote cache runs here in threads, each job under a time cap.

A job that shows no life is left behind, not waited for: its thread is a daemon, and whatever it may
still store is checked by its digest. After the first job that finds the remote away, all others
come back at once with the same finding, so a dead remote costs one time cap per build.
"""

import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from expertbuild.graph.remote import Away, Beat

_WIDTH = 8  # jobs at once; they wait for the network, not for a core
_SLOWEST = 64 * 1024  # bytes a second; a remote that drips slower than this counts as away
_PATIENCE = 3  # time caps that a job may take besides what its bytes need


@dataclass(frozen=True, slots=True)
class Done:
    tag: Any
    value: Any = None
    error: Exception | None = None


class Lane:
    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._lock = threading.Lock()
        self._queue: deque[tuple[Any, Callable[[Beat], Any]]] = deque()
        self._running: set[_Job] = set()
        self._finished: list[Done] = []
        self._awake, self._wake = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(self._awake, False)
        self.away: Away | None = None

    @property
    def busy(self) -> bool:
        with self._lock:
            return bool(self._queue or self._running or self._finished)

    def fileno(self) -> int:
        """Readable when a job has ended."""
        return self._awake

    def submit(self, tag: Any, job: Callable[[Beat], Any]) -> None:
        with self._lock:
            self._queue.append((tag, job))
            self._advance()

    def due(self) -> float | None:
        """Seconds until a job that runs would be overdue."""
        with self._lock:
            ends = [job.deadline(self._timeout) for job in self._running]
        return max(0.0, min(ends) - time.monotonic()) if ends else None

    def collect(self) -> list[Done]:
        """What has ended since the last call. Does not wait."""
        with suppress(BlockingIOError):
            while os.read(self._awake, 4096):
                pass
        now = time.monotonic()
        with self._lock:
            for job in [job for job in self._running if job.deadline(self._timeout) <= now]:
                self._running.discard(job)
                self._finished.append(Done(job.tag, error=Away(f"no answer within {self._timeout:g} s")))
            done, self._finished = self._finished, []
            for ended in done:
                if isinstance(ended.error, Away) and self.away is None:
                    self.away = ended.error
            self._advance()
        return done

    def collect_all(self) -> list[Done]:
        """Wait for every job, as long as each may take."""
        done = []
        while self.busy:
            select.select([self._awake], [], [], self.due())
            done += self.collect()
        return done

    def close(self) -> None:
        with self._lock:
            self._running.clear()
            self._queue.clear()
            os.close(self._awake)
            os.close(self._wake)
            self._wake = -1

    def _advance(self) -> None:
        while self._queue and (self.away or len(self._running) < _WIDTH):
            tag, job = self._queue.popleft()
            if self.away:
                self._finished.append(Done(tag, error=self.away))
                self._signal()
            else:
                running = _Job(tag, job)
                self._running.add(running)
                threading.Thread(target=self._run, args=(running,), daemon=True, name="remote cache").start()

    def _run(self, job: "_Job") -> None:
        try:
            done = Done(job.tag, job.work(job.beat))
        except Exception as error:
            done = Done(job.tag, error=error)
        with self._lock:
            if job in self._running:  # else it was left behind
                self._running.discard(job)
                self._finished.append(done)
                self._signal()

    def _signal(self) -> None:
        with suppress(OSError):  # full: it is readable anyway; closed: nobody listens any more
            os.write(self._wake, b"!")


class _Job:
    def __init__(self, tag: Any, work: Callable[[Beat], Any]) -> None:
        self.tag = tag
        self.work = work
        self._began = self._alive = time.monotonic()
        self._bytes = 0

    def beat(self, size: int) -> None:
        self._bytes += size
        self._alive = time.monotonic()

    def deadline(self, timeout: float) -> float:
        slowest = self._began + _PATIENCE * timeout + self._bytes / _SLOWEST
        return min(self._alive + timeout, slowest)
