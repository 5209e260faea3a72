"""The one thread that owns the engine: everybody else posts to it and is told what comes.

While requests are open it steps the engine without rest and looks into its inbox between steps; otherwise it sleeps.
A refused request hears of it alone. If the engine itself fails, all open requests hear why and no new one is taken:
whoever runs the process restarts it, nobody goes on with a cache in an unknown state.
"""

import logging
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from time import monotonic
from typing import TypeVar

from runtime.engine.engine import Engine
from runtime.engine.sequence import Event, Request
from runtime.errors import Problem
from runtime.service.errors import Overloaded, Stopped

Sink = Callable[["Event | Problem"], None]
T = TypeVar("T")

_CHECK_SECONDS = 10.0

_log = logging.getLogger(__name__)


class Driver:
    """Called from any thread."""

    def __init__(self, engine: Engine, *, most: int) -> None:
        """`most`: requests that may be open at once, running and waiting."""
        self.engine = engine
        self.failure: str | None = None
        self._most = most
        self._inbox: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._sinks: dict[str, Sink] = {}  # only the thread touches it
        self._open = 0
        self._lock = Lock()
        self._closed = False
        self._check_again = 0.0
        self._thread = Thread(target=self._run, name="engine", daemon=True)
        self._thread.start()

    @property
    def open(self) -> int:
        """Requests that are running or waiting."""
        return self._open

    def submit(self, request: Request, sink: Sink) -> None:
        """Queue a request. `sink` gets its events, the last one with the result, or one Problem; on the engine's thread."""
        with self._lock:
            self._check_alive()
            if self._open >= self._most:
                raise Overloaded(f"{self._most} requests are open already.", hint="Try again in a moment.")
            self._open += 1
            self._inbox.put(lambda: self._admit(request, sink))

    def cancel(self, request_id: str) -> None:
        """Give a request up; one that is over already is left alone."""
        self._inbox.put(lambda: self._cancel(request_id))

    def call(self, work: Callable[[Engine], T]) -> T:
        """Do something with the engine between two steps, and wait for it."""
        future: Future[T] = Future()

        def run() -> None:
            try:
                future.set_result(work(self.engine))
            except BaseException as error:
                future.set_exception(error)

        with self._lock:
            self._check_alive()
            self._inbox.put(run)
        return future.result()

    def tell(self, work: Callable[[Engine], None]) -> None:
        """Do something with the engine between two steps, some time; nobody waits for it or hears of its failure."""

        def run() -> None:
            with suppress(Exception):
                work(self.engine)

        self._inbox.put(run)

    def close(self) -> None:
        """Stop the thread; open requests are told."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._inbox.put(None)  # under the lock, as all work is: what comes after it would wait for ever
        self._thread.join(timeout=30)

    def _check_alive(self) -> None:
        if self.failure:
            raise Stopped(f"The engine has failed: {self.failure}", hint="Restart the server.")
        if self._closed:
            raise Stopped("The runtime is closed.")

    def _run(self) -> None:
        while True:
            try:
                while True:
                    work = self._inbox.get(block=not self._sinks)
                    if work is None:
                        self._end_all(Stopped("The runtime was closed."))
                        return
                    work()
            except Empty:
                self._step()

    def _admit(self, request: Request, sink: Sink) -> None:
        try:
            if self.failure:
                raise Stopped(f"The engine has failed: {self.failure}", hint="Restart the server.")
            self.engine.submit(request)
        except Problem as problem:
            self._tell(sink, problem, last=True)
        except Exception as error:  # the caller must hear of it, whatever it was
            _log.exception("a request could not be admitted")
            self._tell(sink, Stopped(f"The request could not be started: {error}"), last=True)
        else:
            self._sinks[request.id] = sink

    def _cancel(self, request_id: str) -> None:
        if request_id in self._sinks:
            self.engine.cancel(request_id)

    def _step(self) -> None:
        try:
            events = self.engine.step()
        except Exception as error:
            _log.exception("the engine failed")
            self.failure = f"{type(error).__name__}: {error}"
            self._end_all(Stopped(f"The engine has failed: {self.failure}", hint="Restart the server."))
            return
        for event in events:
            sink = self._sinks.get(event.id)
            if sink is None:
                continue
            if event.over:
                del self._sinks[event.id]
            self._tell(sink, event, last=event.over)
        if not self._sinks:
            self._rest()

    def _rest(self) -> None:
        """Nothing is running: no block may be held, lost, or known by a wrong key. If one is, nothing is served any more.

        Now and then, that is: with a cache of a million tokens the check takes some tens of milliseconds.
        """
        if monotonic() < self._check_again:
            return
        self._check_again = monotonic() + _CHECK_SECONDS
        try:
            self.engine.check()
        except AssertionError as error:
            _log.exception("the cache is not what it should be")
            self.failure = f"its cache is out of order ({error})"

    def _end_all(self, problem: Problem) -> None:
        sinks, self._sinks = self._sinks, {}
        for sink in sinks.values():
            self._tell(sink, problem, last=True)

    def _tell(self, sink: Sink, news: "Event | Problem", *, last: bool) -> None:
        if last:
            with self._lock:
                self._open -= 1
        try:
            sink(news)
        except Exception:  # a listener that is gone must not take the others with it
            _log.debug("nobody listens any more", exc_info=True)
