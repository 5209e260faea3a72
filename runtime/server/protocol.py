"""The chat request as OpenAI's clients send it, checked field by field, and the replies in their shape.

What would change an answer and is not there (tools, penalties, log-probabilities ...) is refused by name rather than
ignored; what changes nothing here (user, metadata ...) is accepted. A few fields of other servers (top_k, min_p,
repetition_penalty) are known as well, and `rope`, which stretches positions for a long text.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from runtime.engine.sequence import Usage
from runtime.router.router import Decision
from runtime.server.errors import BadRequest
from runtime.service.answers import AUTO, Answer, Ask

MOST_STOPS, LONGEST_STOP = 16, 200
MOST_CHOICES = 8
MOST_MESSAGES = 1000
_SYSTEM = ("system", "developer")

Text = Annotated[str, Field(strict=True)]
Stop = Annotated[str, Field(strict=True, min_length=1, max_length=LONGEST_STOP)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class TextPart(_Strict):
    type: Literal["text"]
    text: Text


class Message(_Strict):
    role: Literal["system", "developer", "user", "assistant"]
    content: Text | Annotated[list[TextPart], Field(max_length=MOST_MESSAGES)]
    name: Text | None = None

    def plain(self) -> dict[str, str]:
        text = self.content if isinstance(self.content, str) else "\n".join(part.text for part in self.content)
        return {"role": "system" if self.role in _SYSTEM else self.role, "content": text}


class JsonSchema(_Strict):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)
    name: Text
    schema_: dict[str, Any] = Field(alias="schema")
    strict: bool | None = None
    description: Text | None = None


class ResponseFormat(_Strict):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None


class StreamOptions(_Strict):
    include_usage: bool = False
    include_obfuscation: bool = False


class ChatRequest(_Strict):
    """POST /v1/chat/completions."""

    messages: Annotated[list[Message], Field(min_length=1, max_length=MOST_MESSAGES)]
    model: Annotated[str, Field(strict=True, min_length=1, max_length=200)] = AUTO
    stream: bool = False
    stream_options: StreamOptions | None = None
    max_tokens: Annotated[int, Field(strict=True, ge=1, le=1 << 24)] | None = None
    max_completion_tokens: Annotated[int, Field(strict=True, ge=1, le=1 << 24)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    top_k: Annotated[int, Field(strict=True, ge=0, le=1_000_000)] | None = None
    min_p: Annotated[float, Field(ge=0, le=1)] | None = None
    repetition_penalty: Annotated[float, Field(ge=0.01, le=100)] | None = None
    seed: Annotated[int, Field(strict=True, ge=-(1 << 63), lt=1 << 63)] | None = None
    rope: Annotated[dict[Text, Any], Field(max_length=16)] | None = None
    stop: Stop | Annotated[list[Stop], Field(max_length=MOST_STOPS)] | None = None
    n: Annotated[int, Field(strict=True, ge=1, le=MOST_CHOICES)] = 1
    response_format: ResponseFormat | None = None
    # Accepted, and without effect here.
    user: Any = None
    metadata: Any = None
    store: Any = None
    service_tier: Any = None
    safety_identifier: Any = None
    prompt_cache_key: Any = None

    def ask(self, choice: int = 0) -> Ask:
        """What the service is asked for one of the choices."""
        stops = (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())
        return Ask(
            messages=[message.plain() for message in self.messages],
            expert=self.model,
            max_tokens=self.max_completion_tokens or self.max_tokens,
            temperature=self.temperature,
            top_p=self.top_p,
            top_k=self.top_k,
            min_p=self.min_p,
            repetition_penalty=self.repetition_penalty,
            seed=None if self.seed is None else self.seed + choice,
            stop=stops,
            rope=self.rope,
            schema=self._schema(),
        )

    def _schema(self) -> dict[str, Any] | None:
        form = self.response_format
        if form is None or form.type == "text":
            return None
        if form.type == "json_object":
            return {"type": "object"}
        if form.json_schema is None:
            raise BadRequest("response_format.json_schema is missing.", "response_format.json_schema")
        return form.json_schema.schema_


# Fields that a client may send as long as they ask for nothing.
_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "tools": ([],),
    "tool_choice": ("none", "auto"),
    "parallel_tool_calls": (None, True, False),
    "functions": ([],),
    "function_call": ("none", "auto"),
    "frequency_penalty": (None, 0, 0.0),
    "presence_penalty": (None, 0, 0.0),
    "logit_bias": (None, {}),
    "logprobs": (None, False),
    "top_logprobs": (None, 0),
    "audio": (None,),
    "modalities": (None, ["text"]),
    "prediction": (None,),
    "reasoning_effort": (None,),
    "verbosity": (None,),
    "web_search_options": (None,),
}


_BLANKS = ("refusal", "annotations", "audio", "function_call", "tool_calls")


def read_request(document: Any) -> ChatRequest:
    """A request from parsed JSON; BadRequest names the first field that is wrong."""
    if not isinstance(document, dict):
        raise BadRequest("The body is not a JSON object.")
    fields = {name: value for name, value in document.items() if value is not None}
    if isinstance(fields.get("messages"), list):
        fields["messages"] = [_without_blanks(message) for message in fields["messages"]]
    for name, neutral in _NEUTRAL.items():
        if name in fields and fields.pop(name) not in neutral:
            raise BadRequest(f"{name} is not supported by this server.", name)
    try:
        return ChatRequest.model_validate(fields)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        # Of several readings (a stop string, or a list of them) the one that went furthest was meant.
        fault = max(faults, key=lambda each: len(each["loc"]))
        where = _place(fault["loc"])
        what = f"{where}: {fault['msg']}." if where else f"{fault['msg']}."
        raise BadRequest(what, where or None) from None


def _without_blanks(message: Any) -> Any:
    """A message without what a client copies from an earlier reply and leaves empty: refusal, tool_calls ..."""
    if not isinstance(message, dict):
        return message
    return {name: value for name, value in message.items() if name not in _BLANKS or value not in (None, [], "")}


def _place(location: Sequence[int | str]) -> str:
    """`messages[0].content`, without the names of alternatives that pydantic puts in between."""
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part.isidentifier() and part not in ("str", "list"):
            text += f".{part}" if text else part
    return text[:200]


def completion(request_id: str, model: str, answers: Sequence[Answer]) -> dict[str, Any]:
    """The reply to a request that does not stream."""
    first = answers[0]
    return {
        **_head(request_id, model, "chat.completion"),
        "choices": [
            {
                "index": index,
                "message": {"role": "assistant", "content": answer.text, "refusal": None},
                "logprobs": None,
                "finish_reason": answer.finish_reason,
            }
            for index, answer in enumerate(answers)
        ],
        "usage": usage([answer.usage for answer in answers]),
        "expertbuild": why(first.expert, first.decision),
    }


def chunk(request_id: str, model: str, choices: Sequence[Mapping[str, Any]], **extra: Any) -> dict[str, Any]:
    """One event of a stream."""
    return {**_head(request_id, model, "chat.completion.chunk"), "choices": list(choices), **extra}


def delta(index: int, content: Mapping[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {"index": index, "delta": dict(content), "logprobs": None, "finish_reason": finish}


def usage(parts: Sequence[Usage]) -> dict[str, Any]:
    """Tokens of all choices; the prompt counts once."""
    prompt = parts[0].prompt_tokens
    completion_tokens = sum(part.completion_tokens for part in parts)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt + completion_tokens,
        "prompt_tokens_details": {"cached_tokens": parts[0].cached_tokens},
    }


def why(expert: str | None, decision: Decision | None) -> dict[str, Any]:
    """Who answers and for which reasons; clients find it as `model_extra["expertbuild"]`."""
    if decision is None:
        return {"expert": expert, "reasons": ["named by the request"], "scores": {}}
    return {
        "expert": expert,
        "probability": decision.probability,
        "reasons": list(decision.reasons),
        "scores": dict(decision.scores),
    }


def models(names: Sequence[str], owners: Mapping[str, str]) -> dict[str, Any]:
    """GET /v1/models."""
    return {"object": "list", "data": [model(name, owners.get(name, "expertbuild")) for name in names]}


def model(name: str, owner: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": owner}


def _head(request_id: str, model: str, kind: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{request_id}", "object": kind, "created": int(time.time()), "model": model}
