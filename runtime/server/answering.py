"""From prepared requests to a reply: whole, or as a stream of events. A client that hangs up is answered no further.

The first piece is awaited before anything is sent, so that a request which the engine refuses gets its own status code
in both ways of asking.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Sequence
from contextlib import aclosing
from typing import TypeVar

from starlette.requests import Request

from runtime.server.errors import ClientGone, TimedOut, describe
from runtime.server.metrics import Metrics
from runtime.server.protocol import ChatRequest, chunk, delta, usage, why
from runtime.server.replies import DONE, event
from runtime.service import Answer, Piece, Runtime
from runtime.service.asking import Prepared

T = TypeVar("T")


async def pieces(
    runtime: Runtime, prepared: Sequence[Prepared], metrics: Metrics, timeout: float
) -> AsyncGenerator[tuple[int, Piece], None]:
    """The pieces of all choices as they come, each with the number of its choice."""
    begun = time.monotonic()
    news: asyncio.Queue[tuple[int, Piece | Exception]] = asyncio.Queue()

    async def pump(number: int, one: Prepared) -> None:
        try:
            async for piece in runtime.run(one):
                news.put_nowait((number, piece))
        except Exception as error:
            news.put_nowait((number, error))

    tasks = [asyncio.create_task(pump(number, one)) for number, one in enumerate(prepared)]
    left, silent = len(tasks), True
    try:
        while left:
            rest = begun + timeout - time.monotonic()
            try:
                number, piece = await asyncio.wait_for(news.get(), max(rest, 0))
            except TimeoutError:
                raise TimedOut(f"The answer was not finished within {timeout:g} seconds.") from None
            if isinstance(piece, Exception):
                raise piece
            if silent and piece.text:
                metrics.first_text(time.monotonic() - begun)
                silent = False
            if piece.answer:
                left -= 1
                metrics.answered(piece.answer, time.monotonic() - begun)
            yield number, piece
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def whole(stream: AsyncGenerator[tuple[int, Piece], None], count: int) -> list[Answer]:
    """All answers, in the order of the choices."""
    answers: dict[int, Answer] = {}
    async for number, piece in stream:
        if piece.answer:
            answers[number] = piece.answer
    return [answers[number] for number in range(count)]


async def events(
    first: tuple[int, Piece],
    rest: AsyncGenerator[tuple[int, Piece], None],
    wanted: ChatRequest,
    prepared: Prepared,
    model: str,
    metrics: Metrics,
) -> AsyncIterator[bytes]:
    """The same as server-sent events: who answers and why comes first, the usage (if asked for) last."""
    id_ = prepared.request.id
    reasons = why(prepared.expert, prepared.decision, prepared.experts)
    status, answers = "gone", []
    try:
        roles = [delta(index, {"role": "assistant", "content": ""}) for index in range(wanted.n)]
        yield event(chunk(id_, model, roles, expertbuild=reasons))
        async for number, piece in _chained(first, rest):
            if piece.text:
                yield event(chunk(id_, model, [delta(number, {"content": piece.text})]))
            if piece.answer:
                answers.append(piece.answer)
                yield event(chunk(id_, model, [delta(number, {}, piece.answer.finish_reason)], expertbuild=reasons))
        if wanted.stream_options and wanted.stream_options.include_usage:
            yield event(chunk(id_, model, [], usage=usage([answer.usage for answer in answers])))
        status = "200"
        yield DONE
    except Exception as error:  # the status line is gone: the error is the last event
        code, body = describe(error)
        status = str(code)
        yield event(body)
    finally:
        metrics.ended(prepared.expert, status)


async def _chained(
    first: tuple[int, Piece], rest: AsyncGenerator[tuple[int, Piece], None]
) -> AsyncGenerator[tuple[int, Piece], None]:
    async with aclosing(rest):
        yield first
        async for each in rest:
            yield each


async def until_gone(request: Request, work: Awaitable[T]) -> T:
    """The result of `work`, which is cancelled as soon as the client hangs up."""
    task = asyncio.ensure_future(work)
    watch = asyncio.ensure_future(_hangs_up(request))
    try:
        await asyncio.wait({task, watch}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise ClientGone("The client has hung up.")
    finally:
        for each in (task, watch):
            each.cancel()
        await asyncio.gather(task, watch, return_exceptions=True)


async def _hangs_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
