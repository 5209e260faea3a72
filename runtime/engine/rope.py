"""Rotary position embedding and the ways to stretch it over longer texts, by the numbers of transformers.

A base brings its own (`config.json`); a request or an expert may ask for another, in the same words. A stretching that
depends on the length of the text (dynamic, longrope) takes for each token the length that was known when it was computed:
the prompt's, or what had been written by then. That is what transformers gives for a prompt followed by single steps.
How angles become cosine and sine is `kernels`' business.
"""

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

import torch
from torch import Tensor

MOST_FACTOR = 1e6


@dataclass(frozen=True)
class Rope:
    """One inverse frequency per pair of dimensions, and a scale for cosine and sine."""

    kind: str
    frequencies: tuple[float, ...]
    scale: float = 1.0
    reach: int = 0  # tokens it is meant for
    # Only where frequencies depend on the length of the text: beyond `original` tokens they are others.
    original: int | None = None
    long: tuple[float, ...] = ()  # longrope's; where empty, `theta` grows by `factor`
    theta: float = 0.0
    factor: float = 1.0

    def at(self, length: int) -> tuple[float, ...]:
        """The frequencies in a text of so many tokens."""
        if self.original is None or length <= self.original:
            return self.frequencies
        return self.long or _grown(self.theta, self.factor, length, self.original, 2 * len(self.frequencies))

    def key(self, prompt: int) -> str:
        """What decides keys and values besides tokens and adapter, for a prompt of this many tokens."""
        grown = f" {prompt}" if self.original is not None and prompt > self.original else ""
        return self._digest + grown

    @cached_property
    def _digest(self) -> str:
        numbers = (self.frequencies, self.scale, self.original, self.long, self.theta, self.factor)
        return f"{self.kind} {hashlib.blake2b(repr(numbers).encode(), digest_size=16).hexdigest()}"


def rope_of(told: Mapping[str, Any], *, size: int, context: int, theta: float = 10000.0, strict: bool = False) -> Rope:
    """The embedding that these words ask for, on heads of `size` for a base of `context` tokens; ValueError if none.

    `strict`: a word that its kind does not know is refused; a config.json may hold others. Then `context` is what the base was
    trained for, and what it reaches is stretched by the factor.
    """
    kind = told.get("rope_type") or told.get("type") or "default"
    if not isinstance(kind, str) or kind not in KINDS:
        raise ValueError(f"rope type {str(kind)[:40]!r} is not one this engine knows ({', '.join(KINDS)})")
    make, needs, takes = KINDS[kind]
    for name in needs:
        if told.get(name) is None:
            raise ValueError(f"rope type {kind} needs {name!r}")
    if strict and (unknown := sorted(map(str, told.keys() - {*_ANY, *needs, *takes}))):
        raise ValueError(f"rope type {kind} has no {unknown[0][:40]!r}")
    if _number(told, "partial_rotary_factor", 1.0) != 1.0:
        raise ValueError("partial_rotary_factor other than 1 is not supported")
    theta = _number(told, "rope_theta", theta, least=1.0)
    original = _whole(told, "original_max_position_embeddings", context)
    if kind == "dynamic" and not strict:
        original = context  # a base that grows does so from its context on, whatever else it says
    asked = Asked(told, size, original, context, theta)
    found = make(asked)
    if not all(math.isfinite(each) for each in (*found.frequencies, *found.long, found.scale)):
        raise ValueError(f"rope type {kind} gives frequencies that are not finite")
    reach = context
    if kind == "dynamic" or (strict and kind != "default"):
        reach = max(context, int(original * asked.factor))
    return replace(found, kind=kind, reach=reach)


@dataclass(frozen=True)
class Asked:
    """What a stretching is computed from."""

    told: Mapping[str, Any]
    size: int
    original: int
    context: int
    theta: float

    @property
    def factor(self) -> float:
        if self.told.get("factor") is None:  # yarn and longrope may leave it to the two lengths
            return max(self.context / self.original, 1.0)
        return _number(self.told, "factor", None, least=1.0, most=MOST_FACTOR)

    def number(self, name: str, default: float | None, least: float = 0.0) -> float:
        return _number(self.told, name, default, least=least)

    def plain(self, theta: float | None = None) -> Tensor:
        return 1.0 / ((theta or self.theta) ** _exponents(self.size))


def _default(asked: Asked) -> Rope:
    return _rope(asked.plain())


def _linear(asked: Asked) -> Rope:
    """Positions divided by the factor."""
    return _rope(asked.plain() / asked.factor)


def _ntk(asked: Asked) -> Rope:
    """NTK-aware: a larger theta, so that the slowest pair turns slower by the factor and the fastest not at all."""
    return _rope(asked.plain(asked.theta * asked.factor ** (asked.size / max(asked.size - 2, 1))))


def _dynamic(asked: Asked) -> Rope:
    """NTK-aware by as much as the text has outgrown the context."""
    return Rope("", tuple(asked.plain().tolist()), original=asked.original, theta=asked.theta, factor=asked.factor)


def _by_parts(asked: Asked) -> Rope:
    """Pairs that turn often stay as they are, those that hardly turn are divided by the factor, between them a ramp."""
    frequencies, factor, size = asked.plain(), asked.factor, asked.size
    fast, slow = asked.number("beta_fast", 32.0, 1e-6), asked.number("beta_slow", 1.0, 1e-6)

    def pair(turns: float) -> float:
        return (size * math.log(asked.original / (turns * 2 * math.pi))) / (2 * math.log(asked.theta))

    low, high = pair(fast), pair(slow)
    if asked.told.get("truncate", True):
        low, high = math.floor(low), math.ceil(high)
    low, high = max(low, 0), min(high, size - 1)
    ramp = ((torch.arange(size // 2, dtype=torch.float32) - low) / (high - low or 0.001)).clamp(0, 1)
    kept = 1 - ramp
    return _rope(frequencies / factor * (1 - kept) + frequencies * kept)


def _yarn(asked: Asked) -> Rope:
    """By parts, and attention sharpened for the longer text."""
    by_parts, factor = _by_parts(asked), asked.factor
    scale = asked.told.get("attention_factor")
    first, second = asked.number("mscale", 0.0), asked.number("mscale_all_dim", 0.0)
    if scale is not None:
        scale = asked.number("attention_factor", None)
    elif first and second:
        scale = _sharper(factor, first) / _sharper(factor, second)
    else:
        scale = _sharper(factor, 1.0)
    return Rope("", by_parts.frequencies, scale)


def _longrope(asked: Asked) -> Rope:
    """A factor for each pair, of two sets: one for texts within the original context, one for all others."""
    short, long = (_factors(asked, name) for name in ("short_factor", "long_factor"))
    factor, scale = asked.factor, 1.0
    if asked.told.get("attention_factor") is not None:
        scale = asked.number("attention_factor", None)
    elif factor > 1:
        scale = math.sqrt(1 + math.log(factor) / math.log(asked.original))
    turns = asked.theta ** _exponents(asked.size)
    return Rope(
        "",
        tuple((1.0 / (short * turns)).tolist()),
        scale,
        original=asked.original,
        long=tuple((1.0 / (long * turns)).tolist()),
    )


def _llama3(asked: Asked) -> Rope:
    """Llama 3.1: short wavelengths stay, long ones are stretched, those between are blended."""
    frequencies = asked.plain()
    low, high = asked.number("low_freq_factor", None), asked.number("high_freq_factor", None)
    if not high > low:
        raise ValueError(f"high_freq_factor {high} is not above low_freq_factor {low}")
    turns = asked.original * frequencies / (2 * math.pi)
    blend = ((turns - low) / (high - low)).clamp(0.0, 1.0)
    return _rope((1 - blend) * frequencies / asked.factor + blend * frequencies)


_ANY = ("rope_type", "type", "rope_theta", "original_max_position_embeddings")
_RAMP = ("beta_fast", "beta_slow", "truncate")
# By name: how it is made, what it needs, what else it may be told. ntk and ntk_by_parts are not transformers' names.
KINDS: dict[str, tuple[Callable[[Asked], Rope], tuple[str, ...], tuple[str, ...]]] = {
    "default": (_default, (), ()),
    "linear": (_linear, ("factor",), ()),
    "ntk": (_ntk, ("factor",), ()),
    "ntk_by_parts": (_by_parts, (), ("factor", *_RAMP)),
    "dynamic": (_dynamic, ("factor",), ()),
    "yarn": (_yarn, (), ("factor", *_RAMP, "attention_factor", "mscale", "mscale_all_dim")),
    "longrope": (_longrope, ("short_factor", "long_factor"), ("factor", "attention_factor")),
    "llama3": (_llama3, ("factor", "low_freq_factor", "high_freq_factor"), ()),
}


def _exponents(size: int) -> Tensor:
    return torch.arange(0, size, 2, dtype=torch.float) / size


@lru_cache(maxsize=4096)
def _grown(theta: float, factor: float, length: int, original: int, size: int) -> tuple[float, ...]:
    """In float32 from here on, as transformers computes it: in float64 the last digit of a frequency would differ."""
    grown = theta * (factor * torch.tensor(length) / original - (factor - 1)) ** (size / max(size - 2, 1))
    return tuple((1.0 / (grown ** _exponents(size))).tolist())


def _rope(frequencies: Tensor) -> Rope:
    return Rope("", tuple(frequencies.tolist()))


def _sharper(factor: float, by: float) -> float:
    return 0.1 * by * math.log(factor) + 1.0 if factor > 1 else 1.0


def _factors(asked: Asked, name: str) -> Tensor:
    values = asked.told[name]
    if not isinstance(values, (list, tuple)) or len(values) != asked.size // 2:
        raise ValueError(f"{name} is not a list of {asked.size // 2} numbers")
    for value in values:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= MOST_FACTOR:
            raise ValueError(f"{name} holds {str(value)[:40]}, not a positive number")
    return torch.tensor(values, dtype=torch.float32)


def _number(
    told: Mapping[str, Any], name: str, default: float | None, *, least: float = 0.0, most: float = 1e12
) -> float:
    value = told.get(name)
    if value is None and default is not None:
        return default
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:  # NaN is not
        raise ValueError(f"rope's {name} is {str(value)[:40]}, not a number from {least:g} to {most:g}")
    return float(value)


def _whole(told: Mapping[str, Any], name: str, default: int) -> int:
    value = told.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or not 2 <= value <= 1 << 40:
        raise ValueError(f"rope's {name} is {str(value)[:40]}, not a number of tokens")
    return value
