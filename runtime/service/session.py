"""A conversation that remembers what was said, and keeps its place in the cache of keys and values.

The engine finds the beginning of each turn in its prefix cache. What a session has there is spared while others need
memory, for as long as anything else can make room (at most half of the cache, over all sessions); closing the session, or
losing it, ends that.
"""

import asyncio
import uuid
import weakref
from collections.abc import AsyncIterator, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from runtime.service.answers import Answer, Ask, Piece
from runtime.service.asking import Prepared
from runtime.service.driver import Driver
from runtime.service.listening import listen

if TYPE_CHECKING:
    from runtime.service.runtime import Runtime


class Session:
    """Made by `Runtime.session`. One turn at a time. Of several answers (`n`) the first is what was said."""

    def __init__(self, runtime: "Runtime", driver: Driver, expert: str, options: dict[str, Any]) -> None:
        self.expert = expert
        self.messages: list[dict[str, str]] = []
        self._runtime, self._driver = runtime, driver
        self._options = options
        self._name = uuid.uuid4().hex
        weakref.finalize(self, _let_go, driver, self._name).atexit = False

    def say(self, text: str) -> Answer:
        """The answer to the next message."""
        return _first([piece.answer for piece in self.stream(text) if piece.answer])

    def stream(self, text: str) -> Iterator[Piece]:
        """The answer in pieces. A turn counts once its answer is whole; one that is broken off was never said."""
        ask = self._ask(text)
        prepared = self._runtime.prepare(ask)
        for piece in listen(self._driver, prepared):
            self._hear(ask, prepared, piece)
            yield piece

    async def say_async(self, text: str) -> Answer:
        """As `say`, for an event loop."""
        return _first([piece.answer async for piece in self.stream_async(text) if piece.answer])

    async def stream_async(self, text: str) -> AsyncIterator[Piece]:
        """As `stream`, for an event loop."""
        ask = self._ask(text)
        prepared = await asyncio.to_thread(self._runtime.prepare, ask)
        async for piece in self._runtime.run(prepared):
            self._hear(ask, prepared, piece)
            yield piece

    def forget(self) -> None:
        """Begin again."""
        self.messages = []
        self.close()

    def close(self) -> None:
        """Give up its place in the cache. What was said stays; another turn takes a place again."""
        _let_go(self._driver, self._name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, text: str) -> Ask:
        return Ask([*self.messages, {"role": "user", "content": text}], self.expert, **self._options)

    def _hear(self, ask: Ask, prepared: Prepared, piece: Piece) -> None:
        answer = piece.answer
        if answer is not None and answer.choice == 0:
            self.messages = [*map(dict, ask.messages), {"role": "assistant", "content": answer.text}]
            name, request, tokens = self._name, prepared.request, answer.tokens
            self._driver.tell(lambda engine: engine.keep(name, request, tokens))


def _first(answers: list[Answer]) -> Answer:
    return next(answer for answer in answers if answer.choice == 0)


def _let_go(driver: Driver, name: str) -> None:
    driver.tell(lambda engine: engine.let_go(name))
