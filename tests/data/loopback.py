"""A server on loopback that speaks like a language model's endpoint, and misbehaves as it is told to."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

STALL = "stall"


@dataclass
class Answered:
    """What goes back over the wire; `body` as it is, whatever it is."""

    status: int = 200
    body: bytes | str = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = None  # what Content-Length claims
    drip: float = 0.0  # seconds between two bytes


Behaviour = Callable[[int, Mapping[str, Any], Mapping[str, str]], Answered | str]


def chat(text: str, model: str = "toy", tokens: tuple[int, int] = (20, 10), finish: str = "stop") -> Answered:
    """A good answer of the OpenAI kind."""
    usage = {"prompt_tokens": tokens[0], "completion_tokens": tokens[1]}
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}
    return Answered(body=json.dumps({"id": "1", "model": model, "choices": [choice], "usage": usage}))


class Loopback:
    """`behave` is asked for every request: its number, its document, its headers."""

    def __init__(self, behave: Behaviour, latency: "float | Callable[[], float]" = 0.0) -> None:
        self.behave = behave
        self.latency = latency if callable(latency) else lambda: latency
        self.seen: list[Mapping[str, Any]] = []
        self.paths: list[str] = []
        self.most_at_once = self._now = 0
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        document = json.loads(await reader.readexactly(int(headers.get("content-length", 0))) or b"{}")
        self.paths.append(head[0].split()[1])
        self.seen.append(document)
        number = len(self.seen)
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        try:
            answer = self.behave(number, document, headers)
            if answer == STALL:
                await asyncio.sleep(3600)
            assert isinstance(answer, Answered)
            await asyncio.sleep(self.latency())
            return await self._send(writer, answer)
        finally:
            self._now -= 1

    async def _send(self, writer: asyncio.StreamWriter, answer: Answered) -> bool:
        body = answer.body.encode() if isinstance(answer.body, str) else answer.body
        length = len(body) if answer.length is None else answer.length
        lines = [f"HTTP/1.1 {answer.status} X", "Content-Type: application/json", f"Content-Length: {length}"]
        lines += [f"{name}: {value}" for name, value in answer.headers.items()]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n")
        if answer.drip:
            for byte in body:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(answer.drip)
        else:
            writer.write(body)
        await writer.drain()
        return length == len(body)


@contextmanager
def serving(behave: Behaviour, latency: "float | Callable[[], float]" = 0.0) -> Iterator[Loopback]:
    """The server, in a thread of its own."""
    loopback = Loopback(behave, latency)
    loop = asyncio.new_event_loop()

    async def start() -> asyncio.Server:
        server = await asyncio.start_server(loopback._talk, "127.0.0.1", 0)
        loopback.port = server.sockets[0].getsockname()[1]
        return server

    server = loop.run_until_complete(start())
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def end() -> None:
        server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    try:
        yield loopback
    finally:
        asyncio.run_coroutine_threadsafe(end(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
