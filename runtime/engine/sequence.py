"""What a caller asks for and gets, and one request on its way between the two."""

import copy
import random
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from runtime.engine.adapters import Attached
from runtime.engine.errors import RequestRefused
from runtime.engine.grammar import CompiledGrammar, Matcher
from runtime.engine.logprobs import MOST_ALTERNATIVES, Likelihood
from runtime.engine.penalties import History
from runtime.engine.rope import Rope
from runtime.engine.sampler import Draw, Sampling, shown
from runtime.engine.stops import MOST_STOPS, Stops
from runtime.engine.tokenizer import TextStream, Tokenizer

MOST_CHOICES = 64
SPECULATION = ("none", "ngram", "base")


@dataclass(frozen=True)
class BeamRules:
    """Beam search as transformers has it."""

    width: int
    length_penalty: float = 1.0  # more than 0 favours long answers
    early_stopping: bool | str = False  # True: as soon as `width` hypotheses are whole; "never": only when none can win
    no_repeat: int | None = None  # so many tokens in a row an answer says only once

    def check(self, request: "Request") -> None:
        """Refuses what does not go together."""
        if not isinstance(self.width, int) or not request.n <= self.width <= MOST_CHOICES:
            raise RequestRefused(f"the beam's width is {shown(self.width)}; it must be {request.n} to {MOST_CHOICES}.")
        if not isinstance(self.length_penalty, (int, float)) or not -10 <= self.length_penalty <= 10:
            raise RequestRefused(f"length_penalty is {shown(self.length_penalty)}; it must be between -10 and 10.")
        if self.early_stopping not in (True, False, "never"):
            raise RequestRefused(f"early_stopping is {shown(self.early_stopping)}; it must be true, false or 'never'.")
        if self.no_repeat is not None and not (isinstance(self.no_repeat, int) and self.no_repeat >= 1):
            raise RequestRefused(f"no_repeat is {shown(self.no_repeat)}; it must be a whole number from 1 on.")
        if request.sampling.temperature > 0:
            raise RequestRefused("beam search takes the likeliest tokens: it goes with temperature 0 alone.")
        if request.best_of is not None:
            raise RequestRefused("best_of and beams exclude each other.")


@dataclass
class Request:
    """Tokens in, at most `max_tokens` out, by the base or by an attached adapter, or by several with their weights."""

    tokens: list[int]
    max_tokens: int
    adapter: str | Mapping[str, float] | Attached | None = None  # one that is held cannot be detached meanwhile
    sampling: Sampling = field(default_factory=Sampling)
    grammar: CompiledGrammar | None = None
    stop: tuple[str, ...] = ()
    stop_tokens: tuple[int, ...] = ()  # each ends the answer and is no part of it, as the end token
    logprobs: int | None = None  # likelihoods of the answer's tokens, with so many alternatives; None: none
    n: int = 1  # answers; their seeds are the request's and those that follow it
    best_of: int | None = None  # answers to draw, of which the `n` likeliest are given
    beams: BeamRules | None = None  # beam search instead of sampling: the `n` best of its hypotheses
    priority: int = 0  # less is more urgent
    speculate: str | None = None  # none, ngram or base; None: as the engine is set
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
    logprobs: tuple[Likelihood, ...] = ()  # one per token, if they were asked for
    score: float | None = None  # of a beam: the sum of its log-probabilities by its length; of `best_of`: their mean


@dataclass(frozen=True)
class Event:
    """News of one request: a token with the text that became certain with it, or the end of one of its answers."""

    id: str
    token: int | None = None
    text: str = ""
    result: Result | None = None
    choice: int = 0  # which of the `n` answers
    logprob: Likelihood | None = None  # of the token
    over: bool = False  # nothing more comes for this request


class Sequence:
    """One text inside the engine: a request, or one of its answers.

    `computed` tokens have their keys and values in the blocks of `table`.
    """

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
        self.number = 0  # among the sequences of its request
        self.priority, self.arrival = request.priority, 0
        self.expert = "" if adapter is None else adapter.name  # whose turn it is
        self.virtual = adapter.virtual if adapter is not None else 0  # tokens of a soft prompt: places, no meaning
        self.tokens = [0] * self.virtual + list(request.tokens)
        self.prompt = len(self.tokens)
        self.limit = min(limit, self.prompt + request.max_tokens)  # tokens after which there is no more
        self.adapter = adapter
        self.rope = rope
        self.matcher = matcher
        self.root = root
        self.table: list[int] = []
        self.keys: list[bytes] = []
        self.computed = 0
        self.awaited = 0  # 1 while its next token is known to the device alone
        self.cached = 0
        self.sampled = 0
        self.text: list[str] = []
        self.speculate = "none" if request.beams is not None else request.speculate
        self.draft: list[int] = []  # guesses at the next tokens, to be checked in the step at hand
        self.logprobs: list[Likelihood] = []
        self.wants_logprobs = 0 if request.logprobs is None and request.best_of else request.logprobs
        self._tells = request.logprobs is not None
        self.ends = tokenizer.eos_ids.union(request.stop_tokens)
        self._sampling = request.sampling
        self._seed = random.getrandbits(64) if request.sampling.seed is None else request.sampling.seed
        self.history = History.of(request.sampling, request.tokens, vocabulary)
        self._stream: TextStream = tokenizer.stream()
        self._stops = Stops(request.stop)

    @property
    def missing(self) -> int:
        """Tokens still to be computed before the next one can be sampled; 1 while decoding, 0 if the awaited one is its last."""
        if not self.awaited:
            return len(self.tokens) - self.computed
        return len(self.tokens) + 1 - self.computed if len(self.tokens) + 1 < self.limit else 0

    def upcoming(self, count: int) -> list[int]:
        """The next tokens to be computed, those of its draft included; 0 stands for one that is awaited."""
        return (self.tokens[self.computed : self.computed + count] + self.draft)[:count] or [0]

    def draw(self) -> Draw:
        return Draw(self._sampling, self._seed, self.sampled, self.history)

    def take(self, token: int, logprob: Likelihood | None = None) -> tuple[str, bool]:
        """Adds a sampled token: the text that is certain with it, and whether a stop string ends the answer."""
        self.tokens.append(token)
        self.sampled += 1
        if logprob is not None:
            self.logprobs.append(logprob)
        if self.history is not None:
            self.history.add(token)
        text, stopped = self._stops.add(self._stream.add(token))
        self.text.append(text)
        return text, stopped

    def accepts_no_more(self, token: int) -> bool:
        """Moves the grammar on by a token that was taken; whether nothing but the end can follow."""
        if self.matcher is None:
            return False
        self.matcher.accept(token)
        return self.matcher.ended

    def would_stop(self, token: int) -> bool:
        """Whether a stop string would end the answer with this token."""
        return bool(self._stops) and copy.copy(self._stops).add(self._stream.fork().add(token))[1]

    def close(self) -> str:
        """The text that was held back until the end."""
        text, stopped = self._stops.add(self._stream.finish())
        text += "" if stopped else self._stops.finish()
        self.text.append(text)
        return text

    def fork(self, number: int) -> "Sequence":
        """The same text once more, to go on in another way; it holds no blocks yet."""
        other = copy.copy(self)
        other.number = number
        other._seed = self._seed + number - self.number
        other.tokens, other.text, other.logprobs = list(self.tokens), list(self.text), list(self.logprobs)
        other.draft = []
        other.matcher = None if self.matcher is None else self.matcher.fork()
        other.history = None if self.history is None else self.history.fork()
        other._stream, other._stops = self._stream.fork(), copy.copy(self._stops)
        other.table, other.keys = [], []
        return other

    def forget(self) -> None:
        """Back to the state before anything was computed; what was sampled stays."""
        self.table, self.keys, self.computed = [], [], 0

    def result(self, reason: str, error: str | None = None, score: float | None = None) -> Result:
        usage = Usage(self.prompt - self.virtual, self.sampled, self.cached)
        told = tuple(self.logprobs) if self._tells else ()
        return Result(self.tokens[self.prompt :], "".join(self.text), reason, error, usage, told, score)


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
    request.sampling.check(vocabulary)
    for name, value, low, high in (
        ("n", request.n, 1, MOST_CHOICES),
        ("best_of", request.best_of, request.n, MOST_CHOICES),
        ("logprobs", request.logprobs, 0, MOST_ALTERNATIVES),
        ("priority", request.priority, -(1 << 31), 1 << 31),
    ):
        optional = value is None and name in ("best_of", "logprobs")
        if not optional and not (isinstance(value, int) and low <= value <= high):
            raise RequestRefused(f"{name} is {shown(value)}; it must be a whole number between {low} and {high}.")
    if len(request.stop_tokens) > MOST_STOPS:
        raise RequestRefused(f"stop_tokens must name at most {MOST_STOPS} tokens.")
    for token in request.stop_tokens:
        if not isinstance(token, int) or not 0 <= token < vocabulary:
            raise RequestRefused(f"stop token {shown(token)} is not in this base's vocabulary of {vocabulary}.")
    if request.speculate not in (None, *SPECULATION):
        known = ", ".join(SPECULATION)
        raise RequestRefused(f"speculate is {shown(request.speculate)}; it must be one of {known}.")
    if request.beams is not None:
        request.beams.check(request)
