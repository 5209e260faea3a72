"""Looks at the store and the trust file now and then: what is installed while the runtime serves is served without a
restart, and what a revoked key let in is not served any longer."""

import logging
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

from runtime.errors import Problem
from runtime.registry.store import Store
from runtime.registry.trust import trust_file

_log = logging.getLogger(__name__)


class Watch:
    """A thread that calls `changed` after the records of a store, or the keys, are no longer what they were."""

    def __init__(self, store: Store, seconds: float, changed: Callable[[], object]) -> None:
        self._store, self._seconds, self._changed = store, seconds, changed
        self._seen = self._look()
        self._stop = Event()
        self._thread = Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join(timeout=30)

    def _run(self) -> None:
        while not self._stop.wait(self._seconds):
            seen = self._look()
            if seen == self._seen:
                continue
            self._seen = seen
            try:
                self._changed()
            except Problem as problem:  # a store that is damaged now may be mended before the next look
                _log.warning("the store could not be taken over: %s", problem)

    def _look(self) -> dict[Path, int]:
        """When each file was written. One that goes away in between is seen to be gone at the next look."""
        found = {}
        for path in (trust_file(), *self._store.records.glob("*/*/*.json")):
            try:
                found[path] = path.stat().st_mtime_ns
            except OSError:
                continue
        return found
