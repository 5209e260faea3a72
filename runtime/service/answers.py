"""What is asked of the service and what it answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from runtime.engine.logprobs import Likelihood
from runtime.engine.sequence import BeamRules, Usage
from runtime.router.router import Decision

AUTO = "auto"  # the model name that lets the router decide

Messages = Sequence[Mapping[str, str]]


@dataclass(frozen=True)
class Ask:
    """A conversation and how to answer it. What is None is as the expert's own decoding has it."""

    messages: Messages
    expert: str = AUTO  # a loaded expert, the base's name, or `auto`
    experts: Mapping[str, float] = field(default_factory=dict)  # several at once: name -> weight; `expert` then leads
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    logit_bias: Mapping[int, float] | None = None  # token id and what is added to its logit
    seed: int | None = None
    stop: str | tuple[str, ...] = ()
    stop_tokens: tuple[int, ...] = ()
    logprobs: int | None = None  # tell the answer's log-probabilities, with so many alternatives for each token
    n: int = 1  # answers
    best_of: int | None = None  # answers to draw, the `n` likeliest of which are given
    beams: BeamRules | None = None  # beam search in place of sampling
    priority: int = 0  # less is more urgent
    speculate: str | None = None  # none, ngram or base; None: as the engine is set
    rope: Mapping[str, Any] | None = None  # another rotary embedding, for long texts, in the words of config.json
    schema: Mapping[str, Any] | None = None  # a JSON Schema that binds the answer, in place of the expert's grammar

    @classmethod
    def of(cls, prompt: "str | Messages | Ask", **options: Any) -> "Ask":
        """From a prompt, or a conversation, or what is one already."""
        if isinstance(prompt, Ask):
            return prompt
        return cls([{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt, **options)


@dataclass(frozen=True)
class Answer:
    """A finished answer. `expert` is None where the base answered; `decision` is there where the router was asked.

    `experts` are the names and weights of those that answered together, where the request named several.
    """

    id: str
    text: str
    expert: str | None
    finish_reason: str  # stop, length, cancelled
    usage: Usage
    decision: Decision | None = None
    experts: Mapping[str, float] = field(default_factory=dict)
    choice: int = 0  # which of the `n` answers
    logprobs: tuple[Likelihood, ...] = ()
    score: float | None = None  # by which beams and `best_of` were ranked
    tokens: tuple[int, ...] = ()  # what the text was made of; no end token


@dataclass(frozen=True)
class Piece:
    """A part of an answer as it comes; the last one of each answer brings the whole of it."""

    text: str
    answer: Answer | None = None
    choice: int = 0
    logprobs: tuple[Likelihood, ...] = ()  # of the tokens this piece was made of
    over: bool = False  # the last piece of all answers
