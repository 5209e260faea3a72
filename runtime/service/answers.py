"""What is asked of the service and what it answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runtime.engine.sequence import Usage
from runtime.router.router import Decision

AUTO = "auto"  # the model name that lets the router decide

Messages = Sequence[Mapping[str, str]]


@dataclass(frozen=True)
class Ask:
    """A conversation and how to answer it. What is None is as the expert's own decoding has it."""

    messages: Messages
    expert: str = AUTO  # a loaded expert, the base's name, or `auto`
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    rope: Mapping[str, Any] | None = None  # another rotary embedding, for long texts, in the words of config.json
    schema: Mapping[str, Any] | None = None  # a JSON Schema that binds the answer, in place of the expert's grammar

    @classmethod
    def of(cls, prompt: "str | Messages | Ask", **options: Any) -> "Ask":
        """From a prompt, or a conversation, or what is one already."""
        if isinstance(prompt, Ask):
            return prompt
        messages = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else list(prompt)
        return cls(messages, **options)


@dataclass(frozen=True)
class Answer:
    """A finished answer. `expert` is None where the base answered; `decision` is there where the router was asked."""

    id: str
    text: str
    expert: str | None
    finish_reason: str  # stop, length, cancelled
    usage: Usage
    decision: Decision | None = None


@dataclass(frozen=True)
class Piece:
    """A part of an answer as it comes; the last one brings the whole answer."""

    text: str
    answer: Answer | None = None
