"""The next tokens of a step: known to the device at once, to the host when it asks.

The next pass of the model can be begun with them before anybody has read them.
"""

import math
from collections.abc import Sequence as Sequence_
from dataclasses import dataclass

from torch import Tensor

from runtime.engine.logprobs import Likelihood, Likelihoods
from runtime.engine.sequence import Sequence
from runtime.engine.transfer import Coming

NOT_FINITE = "the model's logits are not finite."


@dataclass(frozen=True)
class Pick:
    """The next token of a request; `logprob` if it wants to know."""

    token: int
    logprob: Likelihood | None = None


class Choices:
    """One token for each of these requests, or the reason why there is none."""

    def __init__(
        self,
        sequences: Sequence_[Sequence],
        tokens: Tensor,
        largest: Tensor,
        likelihoods: Likelihoods,
        broken: dict[int, str],
    ) -> None:
        """`tokens`, and the `largest` logit of each row: on the device. `broken`: rows without a token, and why."""
        self.sequences, self.tokens = sequences, tokens
        self._likelihoods, self._broken = likelihoods, broken
        self._coming = Coming(tokens, largest, *likelihoods.measured(tokens))

    def read(self) -> list[Pick | str]:
        """One for each request; waits until the device has come so far."""
        tokens, largest, *measured = self._coming.read()
        logprobs = self._likelihoods.told(tokens, *measured)
        picks: list[Pick | str] = [
            Pick(token, logprob) if math.isfinite(value) else NOT_FINITE
            for token, value, logprob in zip(tokens, largest, logprobs, strict=True)
        ]
        for row, reason in self._broken.items():
            picks[row] = reason
        return picks
