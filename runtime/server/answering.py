"""From a prepared request to a reply: whole, or as a stream of events. A client that hangs up is answered no further.

The first piece is awaited before anything is sent, so that a request which the engine refuses gets its own status code
in both ways of asking.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from contextlib import aclosing
from typing import TypeVar

from starlette.requests import Request

from runtime.server.errors import ClientGone, TimedOut, describe
from runtime.server.likelihoods import Spell, logprobs
from runtime.server.metrics import Metrics
from runtime.server.protocol import ChatRequest
from runtime.server.replies import DONE, event
from runtime.server.shapes import chunk, delta, usage, why
from runtime.service import Answer, Piece, Runtime
from runtime.service.asking import Prepared

T = TypeVar("T")

_LOOK_AGAIN = 0.9  # of the time for an answer may pass before one that is there is given as it is


async def pieces(runtime: Runtime, prepared: Prepared, metrics: Metrics, timeout: float) -> AsyncGenerator[Piece, None]:
    """The pieces of all answers as they come."""
    begun = time.monotonic()
    silent = True
    async with aclosing(runtime.run(prepared, _LOOK_AGAIN * timeout)) as stream:
        while True:
            rest = begun + timeout - time.monotonic()
            try:
                piece = await asyncio.wait_for(anext(stream), max(rest, 0))
            except StopAsyncIteration:
                return
            except TimeoutError:
                raise TimedOut(f"The answer was not finished within {timeout:g} seconds.") from None
            if silent and piece.text:
                metrics.first_text(time.monotonic() - begun)
                silent = False
            if piece.answer:
                metrics.answered(piece.answer, time.monotonic() - begun)
            yield piece


async def whole(stream: AsyncGenerator[Piece, None]) -> list[Answer]:
    """All answers, in the order of the choices."""
    answers = [piece.answer async for piece in stream if piece.answer]
    return sorted(answers, key=lambda answer: answer.choice)


async def events(
    first: Piece,
    rest: AsyncGenerator[Piece, None],
    wanted: ChatRequest,
    prepared: Prepared,
    model: str,
    metrics: Metrics,
    spell: Spell,
) -> AsyncIterator[bytes]:
    """The same as server-sent events: who answers and why comes first, the usage (if asked for) last."""
    id_ = prepared.request.id
    reasons = why(prepared.expert, prepared.decision, prepared.experts)
    status, answers = "gone", []
    try:
        roles = [delta(index, {"role": "assistant", "content": ""}) for index in range(wanted.n)]
        yield event(chunk(id_, model, roles, expertbuild=reasons))
        async for piece in _chained(first, rest):
            if piece.text or piece.logprobs:
                told = logprobs(piece.logprobs, spell)
                yield event(chunk(id_, model, [delta(piece.choice, {"content": piece.text}, logprobs=told)]))
            if piece.answer:
                answers.append(piece.answer)
                ended = delta(piece.choice, {}, piece.answer.finish_reason)
                yield event(chunk(id_, model, [ended], expertbuild=reasons))
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


async def _chained(first: Piece, rest: AsyncGenerator[Piece, None]) -> AsyncGenerator[Piece, None]:
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
