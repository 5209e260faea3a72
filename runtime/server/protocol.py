"""The chat request as OpenAI's clients send it, checked field by field.

What would change an answer and is not there (tools, audio ...) is refused by name rather than ignored; what changes
nothing here (user, metadata ...) is accepted. Fields that vLLM adds (top_k, min_p, repetition_penalty, stop_token_ids,
priority, best_of, use_beam_search, length_penalty, early_stopping) are known as well; `speculate` and
`rope`, which stretches positions for a long text, are our own.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from runtime.engine.logprobs import MOST_ALTERNATIVES
from runtime.engine.mixture import MOST_MIXED, MOST_WEIGHT
from runtime.engine.sampler import MOST_BIASES
from runtime.engine.sequence import BeamRules
from runtime.server.errors import BadRequest
from runtime.service.answers import AUTO, Ask

MOST_STOPS, LONGEST_STOP = 16, 200
MOST_CHOICES = 8
MOST_MESSAGES = 1000
_SYSTEM = ("system", "developer")

Text = Annotated[str, Field(strict=True)]
Stop = Annotated[str, Field(strict=True, min_length=1, max_length=LONGEST_STOP)]


Switch = Annotated[bool, Field(strict=True)]
TokenId = Annotated[int, Field(strict=True, ge=0, lt=1 << 31)]
TokenKey = Annotated[int, Field(ge=0, lt=1 << 31)]  # a key of an object, which JSON knows as text alone
Bias = Annotated[float, Field(strict=True, ge=-100, le=100)]


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
    strict: Switch | None = None
    description: Text | None = None


class ResponseFormat(_Strict):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None


class Weighted(_Strict):
    """One of several experts that answer together: a field of ours, sent as `extra_body`."""

    name: Annotated[str, Field(strict=True, min_length=1, max_length=200)]
    weight: Annotated[float, Field(strict=True, gt=0, le=MOST_WEIGHT)] = 1.0


class StreamOptions(_Strict):
    include_usage: Switch = False
    include_obfuscation: Switch = False


class ChatRequest(_Strict):
    """POST /v1/chat/completions."""

    messages: Annotated[list[Message], Field(min_length=1, max_length=MOST_MESSAGES)]
    model: Annotated[str, Field(strict=True, min_length=1, max_length=200)] = AUTO
    experts: Annotated[list[Weighted], Field(min_length=1, max_length=MOST_MIXED)] | None = None
    stream: Switch = False
    stream_options: StreamOptions | None = None
    max_tokens: Annotated[int, Field(strict=True, ge=1, le=1 << 24)] | None = None
    max_completion_tokens: Annotated[int, Field(strict=True, ge=1, le=1 << 24)] | None = None
    temperature: Annotated[float, Field(strict=True, ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(strict=True, gt=0, le=1)] | None = None
    top_k: Annotated[int, Field(strict=True, ge=0, le=1_000_000)] | None = None
    min_p: Annotated[float, Field(strict=True, ge=0, le=1)] | None = None
    repetition_penalty: Annotated[float, Field(strict=True, ge=0.01, le=100)] | None = None
    presence_penalty: Annotated[float, Field(strict=True, ge=-2, le=2)] = 0.0
    frequency_penalty: Annotated[float, Field(strict=True, ge=-2, le=2)] = 0.0
    logit_bias: Annotated[dict[TokenKey, Bias], Field(max_length=MOST_BIASES)] | None = None
    seed: Annotated[int, Field(strict=True, ge=-(1 << 63), lt=1 << 63)] | None = None
    rope: Annotated[dict[Text, Any], Field(max_length=16)] | None = None
    stop: Stop | Annotated[list[Stop], Field(max_length=MOST_STOPS)] | None = None
    stop_token_ids: Annotated[list[TokenId], Field(max_length=MOST_STOPS)] | None = None
    logprobs: Switch = False
    top_logprobs: Annotated[int, Field(strict=True, ge=0, le=MOST_ALTERNATIVES)] = 0
    n: Annotated[int, Field(strict=True, ge=1, le=MOST_CHOICES)] = 1
    best_of: Annotated[int, Field(strict=True, ge=1, le=MOST_CHOICES)] | None = None
    use_beam_search: Switch = False
    length_penalty: Annotated[float, Field(strict=True, ge=-10, le=10)] | None = None
    early_stopping: Switch | Literal["never"] | None = None
    priority: Annotated[int, Field(strict=True, ge=-(1 << 31), le=1 << 31)] = 0
    speculate: Literal["none", "ngram", "base"] | None = None
    response_format: ResponseFormat | None = None
    # Accepted, and without effect here.
    user: Any = None
    metadata: Any = None
    store: Any = None
    service_tier: Any = None
    safety_identifier: Any = None
    prompt_cache_key: Any = None

    def ask(self) -> Ask:
        """What the service is asked."""
        stops = (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())
        return Ask(
            messages=[message.plain() for message in self.messages],
            expert=self.model,
            experts=self._experts(),
            max_tokens=self.max_completion_tokens or self.max_tokens,
            temperature=self.temperature,
            top_p=self.top_p,
            top_k=self.top_k,
            min_p=self.min_p,
            repetition_penalty=self.repetition_penalty,
            presence_penalty=self.presence_penalty,
            frequency_penalty=self.frequency_penalty,
            logit_bias=self.logit_bias,
            seed=self.seed,
            stop=stops,
            stop_tokens=tuple(self.stop_token_ids or ()),
            logprobs=self.top_logprobs if self.logprobs else None,
            n=self.n,
            best_of=None if self.use_beam_search else self.best_of,
            beams=self._beams(),
            priority=self.priority,
            speculate=self.speculate,
            rope=self.rope,
            schema=self._schema(),
        )

    def _experts(self) -> dict[str, float]:
        weights: dict[str, float] = {}
        for each in self.experts or ():
            if each.name in weights:
                raise BadRequest(f"experts names {each.name[:100]!r} twice.", "experts")
            weights[each.name] = each.weight
        return weights

    def _beams(self) -> BeamRules | None:
        """As vLLM spells it: `best_of`, or else `n`, is the width."""
        if self.use_beam_search:
            penalty = 1.0 if self.length_penalty is None else self.length_penalty
            return BeamRules(self.best_of or self.n, penalty, self.early_stopping or False)
        for name in ("length_penalty", "early_stopping"):
            if getattr(self, name):
                raise BadRequest(f"{name} belongs to beam search; use_beam_search is not set.", name)
        return None

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
        wanted = ChatRequest.model_validate(fields)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        # Of several readings (a stop string, or a list of them) the one that went furthest was meant.
        fault = max(faults, key=lambda each: len(each["loc"]))
        where = _place(fault["loc"])
        what = f"{where}: {fault['msg']}." if where else f"{fault['msg']}."
        raise BadRequest(what, where or None) from None
    if wanted.top_logprobs and not wanted.logprobs:
        raise BadRequest("top_logprobs is there without logprobs.", "top_logprobs")
    if wanted.best_of is not None and wanted.best_of < wanted.n:
        raise BadRequest("best_of is less than n.", "best_of")
    return wanted


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
