"""From logits to the next token, each row of a batch by its own rules.

Order, as in transformers: (penalties, bias, grammar,) temperature, top-k, top-p, min-p. A row draws one uniform number per
token from its own seed and position, so what it gets does not depend on who else is in the batch.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from runtime.engine.errors import RequestRefused
from runtime.engine.penalties import History

MOST_BIASES = 1024

# What each rule may be: its least and its greatest value. NaN is between nothing.
_BOUNDS: dict[str, tuple[type, float, float]] = {
    "temperature": (float, 0, 100),
    "top_p": (float, 1e-9, 1),
    "top_k": (int, 0, 1 << 31),
    "min_p": (float, 0, 1),
    "repetition_penalty": (float, 0.01, 100),
    "presence_penalty": (float, -100, 100),
    "frequency_penalty": (float, -100, 100),
    "seed": (int, -(1 << 63), (1 << 64) - 1),
}


@dataclass(frozen=True)
class Sampling:
    """How one request's tokens are chosen. The default is greedy: the likeliest token, always."""

    temperature: float = 0.0  # 0 is greedy
    top_p: float = 1.0
    top_k: int = 0  # 0 keeps all
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    logit_bias: tuple[tuple[int, float], ...] = ()  # token and what is added to its logit
    seed: int | None = None  # None draws one

    @property
    def counts(self) -> bool:
        """Whether it matters how often a token was used."""
        return self.presence_penalty != 0 or self.frequency_penalty != 0

    def check(self, vocabulary: int) -> None:
        """Refuses values that mean nothing, NaN among them."""
        for name, (kind, low, high) in _BOUNDS.items():
            value = getattr(self, name)
            if not _between(value, kind, low, high) and not (name == "seed" and value is None):
                what = "number" if kind is float else "whole number"
                raise RequestRefused(f"{name} is {shown(value)}; it must be a {what} between {low} and {high}.")
        if not isinstance(self.logit_bias, (tuple, list)) or len(self.logit_bias) > MOST_BIASES:
            raise RequestRefused(f"logit_bias must name at most {MOST_BIASES} tokens.")
        for token, bias in self.logit_bias:
            if not _between(token, int, 0, vocabulary - 1):
                raise RequestRefused(f"logit_bias: token id {shown(token)} is not in the vocabulary of {vocabulary}.")
            if not _between(bias, float, -100, 100):
                raise RequestRefused(f"logit_bias of token {token} is {shown(bias)}; it must be between -100 and 100.")
        if len(dict(self.logit_bias)) < len(self.logit_bias):
            raise RequestRefused("logit_bias names a token twice.")


@dataclass(frozen=True)
class Draw:
    """One row's rules at this position."""

    sampling: Sampling
    seed: int
    position: int
    history: History | None = None


def _between(value: object, kind: type, low: float, high: float) -> bool:
    return isinstance(value, (int, float) if kind is float else int) and low <= value <= high


def shown(value: object) -> str:
    """A stranger's value, short enough for a sentence."""
    if isinstance(value, int) and value.bit_length() > 128:
        return "a number too long to print"
    return repr(value)[:40]


def choose(logits: Tensor, draws: Sequence[Draw]) -> tuple[list[int], list[float]]:
    """The next token of each row, and the largest logit of each row: if that is not finite, the row has no answer."""
    top = logits.argmax(-1) if logits.device.type != "cpu" else torch.from_numpy(logits.numpy().argmax(-1))
    largest = logits.gather(1, top[:, None])[:, 0].tolist()
    tokens = top.tolist()
    for width, rows in _by_width(draws, largest, logits.shape[1]).items():
        drawn = _draw(logits[rows], [draws[row] for row in rows], width)
        for row, token in zip(rows, drawn, strict=True):
            tokens[row] = token
    return tokens, largest


def _by_width(draws: Sequence[Draw], largest: Sequence[float], vocabulary: int) -> dict[int, list[int]]:
    """The rows to be drawn, by how many of their tokens must be sorted; 0 for none.

    Rows of one width share a call. A width of its own company would change how ties are ordered, and so the answer.
    """
    groups: dict[int, list[int]] = {}
    for row, draw in enumerate(draws):
        rule = draw.sampling
        if rule.temperature > 0 and math.isfinite(largest[row]):
            filtered = rule.top_k or rule.top_p < 1 or rule.min_p > 0
            width = min(rule.top_k or vocabulary, vocabulary) if filtered else 0
            groups.setdefault(width, []).append(row)
    return groups


def _draw(logits: Tensor, draws: Sequence[Draw], width: int) -> list[int]:
    def column(values: list[float]) -> Tensor:
        return torch.tensor(values, dtype=torch.float64, device=logits.device)[:, None]

    rules = [draw.sampling for draw in draws]
    uniform = column([uniform_number(draw.seed, draw.position) for draw in draws])
    # Less the largest first: divided by a tiny temperature, all would be infinite.
    scaled = logits.double()
    scaled = (scaled - scaled.amax(-1, keepdim=True)) / column([rule.temperature for rule in rules])
    order = None
    if width:
        scaled, order = scaled.topk(width, dim=-1)  # the likeliest first
        chances = scaled.softmax(-1)
        far = chances.cumsum(-1) - chances >= column([rule.top_p for rule in rules])
        thin = chances < chances[:, :1] * column([rule.min_p for rule in rules])
        out = far | thin
        out[:, 0] = False
        scaled = scaled.masked_fill(out, -math.inf)
    sums = scaled.softmax(-1).cumsum(-1)
    # The first place whose sum exceeds the number; scaled to the whole, which rounding may leave below one.
    places = torch.searchsorted(sums, uniform * sums[:, -1:], right=True).clamp_(max=sums.shape[1] - 1)
    if order is not None:
        places = order.gather(1, places)
    tokens: list[int] = places[:, 0].tolist()
    return tokens


def uniform_number(seed: int, position: int) -> float:
    """A number in [0, 1) that depends on nothing else (splitmix64)."""
    word = (seed * 0x9E3779B97F4A7C15 + position * 0xBF58476D1CE4E5B9 + 0x94D049BB133111EB) & _WORD
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        word = ((word ^ (word >> shift)) * factor) & _WORD
    return float((word ^ (word >> 31)) >> 11) / float(1 << 53)


_WORD = (1 << 64) - 1
