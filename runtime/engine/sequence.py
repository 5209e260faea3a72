"""What a caller asks for and gets, and one request on its way between the two."""

import random
import uuid
from collections.abc import Mapping
from collections.abc import Sequence as Ids
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from runtime.engine.adapters import Attached
from runtime.engine.errors import RequestRefused
from runtime.engine.grammar import CompiledGrammar, Matcher
from runtime.engine.rope import Rope
from runtime.engine.sampler import Draw, Sampling, shown
from runtime.engine.stops import Stops
from runtime.engine.tokenizer import TextStream, Tokenizer


@dataclass
class Request:
    """Tokens in, at most `max_tokens` out, by the base or by an attached adapter."""

    tokens: list[int]
    max_tokens: int
    adapter: str | None = None
    sampling: Sampling = field(default_factory=Sampling)
    grammar: CompiledGrammar | None = None
    stop: tuple[str, ...] = ()
    rope: Mapping[str, Any] | None = None  # another rotary embedding, as config.json says it; None: the base's
    id: str = field(default_factory=lambda: uuid.uuid4().hex)


@dataclass(frozen=True)
class Usage:
    prompt_tokens: int
    completion_tokens: int  # as many as were sampled, an end token included
    cached_tokens: int = 0  # of the prompt, found in the prefix cache


@dataclass(frozen=True)
class Result:
    """What a request came to. `tokens` and `text` hold no end token and no stop string."""

    tokens: list[int]
    text: str
    finish_reason: str  # stop, length, cancelled or error
    error: str | None
    usage: Usage


@dataclass(frozen=True)
class Event:
    """News of one request: a token with the text that became certain with it, or the end."""

    id: str
    token: int | None = None
    text: str = ""
    result: Result | None = None


class Sequence:
    """One request inside the engine. `computed` tokens have their keys and values in the blocks of `table`."""

    def __init__(
        self,
        request: Request,
        *,
        adapter: Attached | None,
        matcher: Matcher | None,
        limit: int,
        root: bytes,
        tokenizer: Tokenizer,
        vocabulary: int,
        rope: Rope | None = None,
    ) -> None:
        self.id = request.id
        self.tokens = list(request.tokens)
        self.prompt = len(self.tokens)
        self.limit = min(limit, self.prompt + request.max_tokens)  # tokens after which there is no more
        self.adapter = adapter
        self.rope = rope
        self.matcher = matcher
        self.root = root
        self.table: list[int] = []
        self.keys: list[bytes] = []
        self.computed = 0
        self.cached = 0
        self.sampled = 0
        self.text: list[str] = []
        self._sampling = request.sampling
        self._seed = random.getrandbits(64) if request.sampling.seed is None else request.sampling.seed
        self._seen = _seen(self.tokens, vocabulary) if request.sampling.repetition_penalty != 1.0 else None
        self._stream: TextStream = tokenizer.stream()
        self._stops = Stops(request.stop)

    @property
    def missing(self) -> int:
        """Tokens still to be computed before the next one can be sampled; 1 while decoding."""
        return len(self.tokens) - self.computed

    def draw(self) -> Draw:
        return Draw(self._sampling, self._seed, self.sampled, self._seen)

    def take(self, token: int) -> tuple[str, bool]:
        """Adds a sampled token: the text that is certain with it, and whether a stop string ends the answer."""
        self.tokens.append(token)
        self.sampled += 1
        if self._seen is not None:
            self._seen[token] = True
        text, stopped = self._stops.add(self._stream.add(token))
        self.text.append(text)
        return text, stopped

    def close(self) -> str:
        """The text that was held back until the end."""
        text, stopped = self._stops.add(self._stream.finish())
        text += "" if stopped else self._stops.finish()
        self.text.append(text)
        return text

    def forget(self) -> None:
        """Back to the state before anything was computed; what was sampled stays."""
        self.table, self.keys, self.computed = [], [], 0

    def result(self, reason: str, error: str | None = None) -> Result:
        usage = Usage(self.prompt, self.sampled, self.cached)
        return Result(self.tokens[self.prompt :], "".join(self.text), reason, error, usage)


def _seen(tokens: Ids[int], vocabulary: int) -> Tensor:
    seen = torch.zeros(vocabulary, dtype=torch.bool)
    seen[torch.tensor(tokens)] = True
    return seen


def check_request(request: Request, vocabulary: int, limit: int) -> None:
    """Refuses what cannot be run, before anything is computed for it."""
    if not isinstance(request.tokens, (list, tuple)) or not request.tokens:
        raise RequestRefused("the prompt is empty.")
    for token in request.tokens:
        if not isinstance(token, int) or not 0 <= token < vocabulary:
            raise RequestRefused(f"token id {shown(token)} is not in this base's vocabulary of {vocabulary}.")
    if len(request.tokens) >= limit:
        raise RequestRefused(
            f"the prompt has {len(request.tokens)} tokens; with room for an answer this engine takes {limit - 1}."
        )
    if not isinstance(request.max_tokens, int) or request.max_tokens < 1:
        raise RequestRefused(f"max_tokens is {shown(request.max_tokens)}; it must be at least 1.")
    request.sampling.check()
