"""What synthesis may cost, in money and in tokens: nothing is asked that could go beyond it.

Before a request goes out, the most that it can cost is set aside: no token is shorter than a byte, and no answer longer
than `max_tokens`. What it did cost replaces that when the answer is there. An answer that was lost on the way counts as
the most: whether it was paid for is not known.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from expertbuild.data.synthesis.spec import Calls

_FRAME = 64  # tokens around a message, at most, that the chat format adds
Tokens = tuple[int, int]


class Spent(Exception):
    """There is not enough left for another request."""


class Budget:
    def __init__(self, calls: Calls, before: Tokens = (0, 0)) -> None:
        self._calls = calls
        self.tokens = before
        self._held: Tokens = (0, 0)
        self._changed = asyncio.Condition()

    @property
    def money(self) -> float:
        return self.price(self.tokens)

    def price(self, tokens: Tokens) -> float:
        read, written = self._calls.prices or (0.0, 0.0)
        return (tokens[0] * read + tokens[1] * written) / 1e6

    async def hold(self, most: Tokens) -> None:
        """Set the most aside; waits for requests under way if what they leave may be enough."""
        async with self._changed:
            while not self._fits(most):
                if self._held == (0, 0):
                    raise Spent
                await self._changed.wait()
            self._held = _sum(self._held, most)

    async def settle(self, most: Tokens, paid: Tokens) -> None:
        """What was set aside goes back; what was paid stays."""
        async with self._changed:
            self._held = (self._held[0] - most[0], self._held[1] - most[1])
            self.tokens = _sum(self.tokens, paid)
            self._changed.notify_all()

    def _fits(self, most: Tokens) -> bool:
        then = _sum(_sum(self.tokens, self._held), most)
        tokens, money = self._calls.tokens, self._calls.money
        return (tokens is None or sum(then) <= tokens) and (money is None or self.price(then) <= money)


def most_tokens(request: Mapping[str, Any]) -> Tokens:
    """The most that a request can read and write."""
    options = request["options"]
    read = sum(len(message["content"].encode("utf-8", "replace")) + _FRAME for message in request["messages"])
    return read, int(options.get("max_completion_tokens", options.get("max_tokens", 0)))


def _sum(one: Tokens, other: Tokens) -> Tokens:
    return one[0] + other[0], one[1] + other[1]
