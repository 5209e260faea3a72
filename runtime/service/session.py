"""A conversation that remembers what was said. The engine finds its beginning in the prefix cache, turn by turn."""

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

from runtime.service.answers import Answer, Ask, Piece

if TYPE_CHECKING:
    from runtime.service.runtime import Runtime


class Session:
    """Made by `Runtime.session`. One turn at a time."""

    def __init__(self, runtime: "Runtime", expert: str, options: dict[str, Any]) -> None:
        self.expert = expert
        self.messages: list[dict[str, str]] = []
        self._runtime = runtime
        self._options = options

    def say(self, text: str) -> Answer:
        """The answer to the next message."""
        answers = [piece.answer for piece in self.stream(text) if piece.answer]
        return answers[0]

    def stream(self, text: str) -> Iterator[Piece]:
        """The answer in pieces. A turn counts once its answer is whole; one that is broken off was never said."""
        asked = [*self.messages, {"role": "user", "content": text}]
        for piece in self._runtime.stream(Ask(asked, self.expert, **self._options)):
            if piece.answer:
                self.messages = [*asked, {"role": "assistant", "content": piece.answer.text}]
            yield piece

    async def say_async(self, text: str) -> Answer:
        """As `say`, for an event loop."""
        answers = [piece.answer async for piece in self.stream_async(text) if piece.answer]
        return answers[0]

    async def stream_async(self, text: str) -> AsyncIterator[Piece]:
        """As `stream`, for an event loop."""
        asked = [*self.messages, {"role": "user", "content": text}]
        async for piece in self._runtime.stream_async(Ask(asked, self.expert, **self._options)):
            if piece.answer:
                self.messages = [*asked, {"role": "assistant", "content": piece.answer.text}]
            yield piece

    def forget(self) -> None:
        """Begin again."""
        self.messages = []
