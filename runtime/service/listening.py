"""From the engine's thread to whoever waits for an answer: plain code by a queue, an event loop by its own.

An answer that nobody waits for any more is given up in the engine.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from queue import SimpleQueue

from runtime.engine.sequence import Event
from runtime.errors import Problem
from runtime.service.answers import Answer, Piece
from runtime.service.asking import Prepared
from runtime.service.driver import Driver


def listen(driver: Driver, prepared: Prepared) -> Iterator[Piece]:
    """Run a request; its pieces, the last of each answer with the whole of it."""
    news: SimpleQueue[Event | Problem] = SimpleQueue()
    driver.submit(prepared.request, news.put)
    try:
        while True:
            piece = _piece(news.get(), prepared)
            yield piece
            if piece.over:
                return
    finally:
        driver.cancel(prepared.request.id)


async def listen_async(driver: Driver, prepared: Prepared) -> AsyncGenerator[Piece, None]:
    """The same for an event loop."""
    loop = asyncio.get_running_loop()
    news: asyncio.Queue[Event | Problem] = asyncio.Queue()

    def sink(item: Event | Problem) -> None:
        loop.call_soon_threadsafe(news.put_nowait, item)

    driver.submit(prepared.request, sink)
    try:
        while True:
            piece = _piece(await news.get(), prepared)
            yield piece
            if piece.over:
                return
    finally:
        driver.cancel(prepared.request.id)


def _piece(news: Event | Problem, prepared: Prepared) -> Piece:
    if isinstance(news, Problem):
        raise news
    result = news.result
    if result is None:
        return Piece(news.text, None, news.choice, (news.logprob,) if news.logprob is not None else ())
    if result.finish_reason == "error":
        raise Problem(f"The answer could not be finished: {result.error}")
    remark = prepared.remark(result.text) if result.finish_reason == "stop" else ""
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
