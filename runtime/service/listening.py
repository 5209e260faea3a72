"""From the engine's thread to whoever waits for an answer: plain code by a queue, an event loop by its own.

An answer that nobody waits for any more is given up in the engine. One that its check may doubt is held back until it is
finished; is it doubted, the next best are asked for, and the first that the check has nothing against comes in its place.
Whoever can wait no longer for these is given the answer that is there.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import suppress
from queue import SimpleQueue

from runtime.engine.sequence import Event, Result
from runtime.errors import Problem
from runtime.service.answers import Answer, Piece
from runtime.service.asking import Prepared
from runtime.service.driver import Driver


def listen(driver: Driver, prepared: Prepared) -> Iterator[Piece]:
    """Run a request; its pieces, the last of each answer with the whole of it."""
    news: SimpleQueue[Event | Problem] = SimpleQueue()
    hearing = _Hearing(driver, prepared, news.put)
    try:
        while True:
            piece = hearing.piece(news.get())
            if piece is not None:
                yield piece
                if piece.over:
                    return
    finally:
        hearing.close()


async def listen_async(
    driver: Driver, prepared: Prepared, patience: float | None = None
) -> AsyncGenerator[Piece, None]:
    """The same for an event loop. `patience`: seconds after which a second look is given up."""
    loop = asyncio.get_running_loop()
    deadline = None if patience is None else loop.time() + patience
    news: asyncio.Queue[Event | Problem] = asyncio.Queue()

    def sink(item: Event | Problem) -> None:
        loop.call_soon_threadsafe(news.put_nowait, item)

    hearing = _Hearing(driver, prepared, sink)
    try:
        while True:
            try:
                async with asyncio.timeout_at(deadline if hearing.looks_again else None):
                    item = await news.get()
            except TimeoutError:
                yield hearing.settled()
                return
            # A check reads for some milliseconds, and so does what narrows a grammar: others go on meanwhile.
            piece = await asyncio.to_thread(hearing.piece, item) if hearing.reads(item) else hearing.piece(item)
            if piece is not None:
                yield piece
                if piece.over:
                    return
    finally:
        hearing.close()


class _Hearing:
    """What is heard of one request, and of the second look at its answer."""

    def __init__(self, driver: Driver, prepared: Prepared, sink: Callable[[Event | Problem], None]) -> None:
        self._driver, self._prepared, self._sink = driver, prepared, sink
        self._doubted: Result | None = None  # the answer that is looked at a second time
        self._others: dict[int, Result] = {}
        self._closed = False
        driver.submit(prepared.request, sink)

    def close(self) -> None:
        self._closed = True
        self._driver.cancel(self._prepared.request.id)
        self._give_up()

    def reads(self, news: Event | Problem) -> bool:
        """Whether an answer is finished that a check will look at."""
        return self._prepared.second is not None and isinstance(news, Event) and news.result is not None

    @property
    def looks_again(self) -> bool:
        """Whether there is an answer already, and a better one is looked for."""
        return self._doubted is not None

    def settled(self) -> Piece:
        """The answer that there is already."""
        assert self._doubted is not None
        return _whole(self._doubted, self._prepared)

    def piece(self, news: Event | Problem) -> Piece | None:
        """The next piece, if this is news for whoever waits."""
        if self._doubted is not None:
            return self._looked(self._doubted, news)
        if isinstance(news, Problem):
            raise news
        result = news.result
        if self._prepared.second is None:
            return _piece(news, self._prepared)
        if result is None:
            return None
        if self._prepared.check.doubted(result):
            with suppress(Problem):
                self._driver.submit(self._prepared.aimed(self._prepared.second, result), self._sink)
                self._doubted = result
                if self._closed:  # by whoever went away in the meantime
                    self._give_up()
                return None
        return _whole(result, self._prepared)

    def _give_up(self) -> None:
        if self._doubted is not None and self._prepared.second is not None:
            self._driver.cancel(self._prepared.second.id)

    def _looked(self, first: Result, news: Event | Problem) -> Piece | None:
        """The second look never costs the answer that is there."""
        if isinstance(news, Problem):
            return _whole(first, self._prepared)
        if news.result is not None:
            self._others[news.choice] = news.result
        if not news.over:
            return None
        others = (one for _, one in sorted(self._others.items()))
        return _whole(self._prepared.check.better(first, others), self._prepared)


def _whole(result: Result, prepared: Prepared) -> Piece:
    """An answer that comes all at once."""
    return _piece(Event(prepared.request.id, text=result.text, result=result, over=True), prepared)


def _piece(news: Event, prepared: Prepared) -> Piece:
    result = news.result
    if result is None:
        return Piece(news.text, None, news.choice, (news.logprob,) if news.logprob is not None else ())
    if result.finish_reason == "error":
        raise Problem(f"The answer could not be finished: {result.error}")
    remark = prepared.check.remark(result)
    answer = Answer(
        prepared.request.id,
        result.text + remark,
        prepared.expert,
        result.finish_reason,
        result.usage,
        prepared.decision,
        prepared.experts,
        news.choice,
        result.logprobs,
        result.score,
        tuple(result.tokens),
    )
    # Where only the best answers are told, the whole text comes with the end, and so do its log-probabilities.
    return Piece(news.text + remark, answer, news.choice, result.logprobs if news.text else (), news.over)
