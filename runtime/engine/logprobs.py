"""How likely the model itself found a token, and which it found likelier.

Taken from the logits as the model gave them: before penalties, bias, grammar and temperature, so that figures of
different requests can be compared. A token that only a grammar allowed may therefore be very unlikely.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from runtime.engine.transfer import send

MOST_ALTERNATIVES = 20


@dataclass(frozen=True)
class Likelihood:
    """The natural logarithm of a token's probability; `top`: the likeliest tokens at its place, the first first."""

    token: int
    logprob: float
    top: tuple[tuple[int, float], ...] = ()


class Likelihoods:
    """The rows of a step whose likelihoods are wanted; made before anything changes the logits."""

    def __init__(self, logits: Tensor, wanted: Sequence[int | None]) -> None:
        """`wanted`: for each row how many alternatives are told, None for nothing at all."""
        self._wanted = [(row, count) for row, count in enumerate(wanted) if count is not None]
        self._count = len(wanted)
        if self._wanted:
            self._rows = send([row for row, _ in self._wanted], logits.device)
            self._chances = logits.index_select(0, self._rows).log_softmax(-1)

    def measured(self, tokens: Tensor) -> tuple[Tensor, ...]:
        """What `told` needs to know of the device, once each row has its token; nothing if nobody wants to know."""
        if not self._wanted:
            return ()
        chosen = self._chances.gather(1, tokens.index_select(0, self._rows)[:, None])[:, 0]
        most = min(max(count for _, count in self._wanted), self._chances.shape[1])
        return chosen, *(self._chances.topk(most, dim=-1) if most else ())

    def told(self, tokens: Sequence[int], *measured: Sequence[Any]) -> list[Likelihood | None]:
        """One per row."""
        found: list[Likelihood | None] = [None] * self._count
        if measured:
            chosen, *alternatives = measured
            values, ids = alternatives or ([()] * len(chosen), [()] * len(chosen))
            for place, (row, count) in enumerate(self._wanted):
                top = tuple(zip(ids[place][:count], values[place][:count], strict=True))
                found[row] = Likelihood(tokens[row], chosen[place], top)
        return found
