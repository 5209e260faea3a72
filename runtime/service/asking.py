"""From a conversation to a request that the engine can run, by the decoding of whoever answers."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from runtime.artifact.manifest import Decoding
from runtime.checks import doubted, passed, remark
from runtime.engine.adapters import Attached
from runtime.engine.errors import ChatRefused
from runtime.engine.grammar import CompiledGrammar
from runtime.engine.sampler import Sampling
from runtime.engine.second_look import aimed
from runtime.engine.sequence import Request, Result
from runtime.engine.tokenizer import Tokenizer
from runtime.router.router import Decision
from runtime.service.answers import Ask, Messages

T = TypeVar("T")

_LAST = 3  # messages of the user that are looked at together when the last one alone says too little


@dataclass(frozen=True)
class Checked:
    """The check of whoever answers, with the conversation that it looks at."""

    name: str | None
    messages: Messages
    limited: bool = False  # whoever asked wants no more tokens than so many

    def remark(self, result: Result) -> str:
        """What is written below an answer, if it is finished."""
        return remark(self.name, self.messages, result.text) if result.finish_reason == "stop" else ""

    def doubted(self, result: Result) -> bool:
        """Whether to look a second time: the check would, or the answer found no end."""
        if result.finish_reason == "length":
            return not self.limited
        return result.finish_reason == "stop" and doubted(self.name, self.messages, result.text)

    def better(self, first: Result, others: Iterable[Result]) -> Result:
        """The first finished one of the others that the check has nothing against; else the answer that there is, or
        where that found no end, the likeliest that did."""
        finished = [one for one in others if one.finish_reason == "stop"]
        place = passed(self.name, self.messages, [one.text for one in finished])
        if place is None and first.finish_reason == "length" and finished:
            place = 0
        return first if place is None else finished[place]


@dataclass(frozen=True)
class Prepared:
    """A request on its way: who will answer, why, and what the engine will be asked."""

    request: Request
    expert: str | None
    decision: Decision | None
    experts: Mapping[str, float]
    check: Checked
    second: Request | None = None  # the next best answers, for one that the check doubts
    rebound: Callable[[], CompiledGrammar | None] | None = (
        None  # what they are narrowed to, found out when they are wanted
    )

    def aimed(self, second: Request, first: Result) -> Request:
        """The second look at this answer, by its own grammar if it has one."""
        return aimed(second, first, self.rebound() if self.rebound else None)


def request_of(
    ask: Ask,
    decoding: Decoding,
    tokenizer: Tokenizer,
    *,
    adapter: Attached | None,
    id: str,
) -> Request:
    """What the client says goes before what the expert's manifest says."""
    rules = Sampling(
        temperature=_first(ask.temperature, 0.0 if ask.beams else decoding.temperature),
        top_p=_first(ask.top_p, decoding.top_p),
        top_k=_first(ask.top_k, decoding.top_k),
        min_p=_first(ask.min_p, 0.0),
        repetition_penalty=_first(ask.repetition_penalty, 1.0),
        presence_penalty=ask.presence_penalty,
        frequency_penalty=ask.frequency_penalty,
        logit_bias=tuple((ask.logit_bias or {}).items()),
        seed=ask.seed,
    )
    return Request(
        tokens=tokenizer.chat(with_system(ask.messages, decoding.system)),
        max_tokens=_first(ask.max_tokens, decoding.max_tokens),
        adapter=adapter,
        sampling=rules,
        rope=_first(ask.rope, decoding.rope),
        stop=tuple(dict.fromkeys((*((ask.stop,) if isinstance(ask.stop, str) else ask.stop), *decoding.stop))),
        stop_tokens=ask.stop_tokens,
        logprobs=ask.logprobs,
        n=ask.n,
        best_of=ask.best_of,
        beams=ask.beams,
        priority=ask.priority,
        speculate=ask.speculate,
        id=id,
    )


def check_messages(messages: Messages) -> None:
    """Refuses what is no conversation, before anybody reads it."""
    if not isinstance(messages, (list, tuple)):
        raise ChatRefused("a conversation is a text or a list of messages.")
    for place, message in enumerate(messages):
        if not isinstance(message, Mapping) or not all(
            isinstance(message.get(key), str) for key in ("role", "content")
        ):
            raise ChatRefused(f"message {place} of the conversation has no text as its role and its content.")


def with_system(messages: Messages, system: str) -> list[Mapping[str, Any]]:
    """The conversation under the expert's own system prompt, unless the client brought one."""
    if not system or any(message.get("role") == "system" for message in messages):
        return list(messages)
    return [{"role": "system", "content": system}, *messages]


def texts_to_route(messages: Messages) -> list[str]:
    """What the router is asked about: the last thing the user said; should that say too little, the last few together."""
    said = [message["content"] for message in messages if message.get("role") == "user"]
    if not said:
        return []
    return [said[-1]] if len(said) == 1 else [said[-1], "\n".join(said[-_LAST:])]


def _first(wanted: T | None, default: T) -> T:
    return default if wanted is None else wanted
