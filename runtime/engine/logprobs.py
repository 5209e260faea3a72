"""How likely the model itself found a token, and which it found likelier.

Taken from the logits as the model gave them: before penalties, bias, grammar and temperature, so that figures of
different requests can be compared. A token that only a grammar allowed may therefore be very unlikely.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

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
        self._chances = logits[[row for row, _ in self._wanted]].log_softmax(-1) if self._wanted else None

    def of(self, tokens: Sequence[int]) -> list[Likelihood | None]:
        """One per row, once it is known which token each row got."""
        found: list[Likelihood | None] = [None] * self._count
        if self._chances is None:
            return found
        chosen = torch.tensor([tokens[row] for row, _ in self._wanted], device=self._chances.device)
        logprobs = self._chances.gather(1, chosen[:, None])[:, 0].tolist()
        most = min(max(count for _, count in self._wanted), self._chances.shape[1])
        values, ids = (part.tolist() for part in self._chances.topk(most, dim=-1)) if most else ([], [])
        for place, (row, count) in enumerate(self._wanted):
            top = tuple(zip(ids[place][:count], values[place][:count], strict=True)) if count else ()
            found[row] = Likelihood(tokens[row], logprobs[place], top)
        return found
