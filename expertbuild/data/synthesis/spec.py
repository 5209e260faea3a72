"""A synthesis source as its recipe declares it, read and refused before anything is asked.

    - kind: synthesis
      name: paraphrased                    # its answers lie in synthesis/paraphrased.jsonl, beside the recipe
      model: gpt-4o-mini
      seeds: [{kind: generator, name: text_to_sql, rows: 1000}]
      prompt: "Ask this in other words, as JSON with the key question: {seed.question}"
      output: {schema: {type: object, required: [question], properties: {question: {type: string}}}}
      columns: {prompt: "{seed.facts.ddl}\\n{question}", answer: seed.answer, facts: {ddl: seed.facts.ddl}}
      accept: {kind: sql_execution}
      calls: {api_key_env: OPENAI_API_KEY, concurrency: 16, budget: {money: 5}, prices: {input: 0.15, output: 0.6}}

What stands under `calls` says how the endpoint is reached and what it may cost; it decides no answer, and no key of a
build holds it. A key stands in the environment, never here.
"""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from expertbuild.data.columns import check_columns
from expertbuild.data.errors import SourceMistake
from expertbuild.data.keys import key_found, refuse_keys
from expertbuild.data.synthesis.protocols import PROTOCOLS

KEYS = (
    *(
        "kind",
        "name",
        "model",
        "protocol",
        "seeds",
        "over",
        "prompt",
        "system",
        "options",
        "samples",
        "tries",
        "output",
    ),
    *("columns", "accept", "against", "partial", "calls", "rows", "weight", "part"),
)
CALL_KEYS = (
    *("base_url", "api_key_env", "answers_as", "concurrency", "timeout", "attempts", "requests_per_minute"),
    *("tokens_per_minute", "budget", "prices"),
)
MAX_TOKENS = 1024  # of an answer, where the recipe does not say
_RESERVED = ("model", "messages", "system", "stream", "n", "tools", "metadata")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
# How keys of the services begin. All of them have digits; `sk-learn-like-names` and "Bearer bonds" have none.
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Calls:
    """How the endpoint is reached, how fast, and what it may cost in all."""

    base_url: str
    api_key_env: str
    answers_as: str
    concurrency: int
    timeout: float
    attempts: int
    requests_per_minute: float | None
    tokens_per_minute: float | None
    money: float | None
    tokens: int | None
    prices: tuple[float, float] | None  # for a million tokens, read and written


@dataclass(frozen=True)
class Wanted:
    """What is asked, and what becomes of the answers."""

    name: str
    model: str
    protocol: str
    seeds: Sequence[Mapping[str, Any]]
    over: Mapping[str, Sequence[Any]]
    prompt: str
    system: str
    options: Mapping[str, Any]
    samples: int
    tries: int
    schema: Any
    each: str
    columns: Mapping[str, Any]
    accept: Mapping[str, Any] | None
    against: str
    partial: bool
    rows: int | None


def read(spec: Mapping[str, Any]) -> Wanted:
    """The recipe's lines, or an error that names the one at fault."""
    refuse_keys(spec, "synthesis")
    _known(spec, KEYS, "a synthesis source")
    name, model = spec.get("name"), spec.get("model")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise SourceMistake("needs a `name` of lower-case letters, digits and dashes.", where="synthesis")
    where = f"synthesis {name}"
    if not isinstance(model, str) or not model:
        raise SourceMistake("needs the `model` that is asked.", where=where)
    protocol = spec.get("protocol", "openai")
    if protocol not in PROTOCOLS:
        raise SourceMistake(f'"{protocol}" is no protocol.', where=where, hint=f"Known: {', '.join(PROTOCOLS)}.")
    if not isinstance(spec.get("prompt"), str) or not spec["prompt"].strip():
        raise SourceMistake("needs a `prompt`.", where=where)
    if not spec.get("seeds") and not spec.get("over"):
        raise SourceMistake("needs `seeds`, sources of rows to ask about, or `over`, lists of values.", where=where)
    for key, values in (spec.get("over") or {}).items():
        if not isinstance(values, Sequence) or isinstance(values, str) or not values:
            raise SourceMistake("is no list of values.", where=f"{where}: over.{key}")
    check_columns(columns := spec.get("columns"))
    if columns is None:
        raise SourceMistake("needs `columns`: what of an answer is the question, and what the answer.", where=where)
    output = spec.get("output") or {}
    _known(output, ("schema", "each"), f"{where}: output")
    accept, against = spec.get("accept"), spec.get("against", "itself")
    if against not in ("itself", "seed"):
        raise SourceMistake(f'"{against}" is nothing to compare with.', where=where, hint="Known: itself, seed.")
    read_calls(spec)
    return Wanted(
        name,
        model,
        protocol,
        tuple(spec.get("seeds") or ()),
        dict(spec.get("over") or {}),
        spec["prompt"],
        str(spec.get("system") or ""),
        _options(spec.get("options") or {}, where),
        _number(spec, "samples", 1, where),
        _number(spec, "tries", 2, where),
        output.get("schema"),
        str(output.get("each") or ""),
        columns,
        accept,
        against,
        bool(spec.get("partial", False)),
        spec.get("rows"),
    )


def read_calls(spec: Mapping[str, Any]) -> Calls:
    """What stands under `calls`."""
    calls = spec.get("calls") or {}
    where = f"synthesis {spec.get('name')}: calls"
    _known(calls, CALL_KEYS, where)
    budget, prices = calls.get("budget") or {}, calls.get("prices")
    _known(budget, ("money", "tokens"), f"{where}.budget")
    if prices is not None:
        _known(prices, ("input", "output"), f"{where}.prices")
        if set(prices) != {"input", "output"}:
            raise SourceMistake("needs `input` and `output`, for a million tokens each.", where=f"{where}.prices")
    money = _amount(budget, "money", f"{where}.budget")
    tokens = _amount(budget, "tokens", f"{where}.budget")
    if money is not None and prices is None:
        raise SourceMistake("a budget in money needs `prices`.", where=where, hint="prices: {input: 0.15, output: 0.6}")
    return Calls(
        _address(str(calls.get("base_url") or PROTOCOLS[spec.get("protocol", "openai")].base_url), calls, where),
        str(calls.get("api_key_env") or ""),
        str(calls.get("answers_as") or ""),
        _number(calls, "concurrency", 8, where),
        _amount(calls, "timeout", where) or 120.0,
        _number(calls, "attempts", 8, where),
        _amount(calls, "requests_per_minute", where),
        _amount(calls, "tokens_per_minute", where),
        money,
        None if tokens is None else int(tokens),
        None if prices is None else (_price(prices, "input", where), _price(prices, "output", where)),
    )


def is_loopback(url: str) -> bool:
    return urlsplit(url).hostname in _LOOPBACK


def _address(url: str, calls: Mapping[str, Any], where: str) -> str:
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        good = False
    if not good:
        raise SourceMistake("is not the address of an endpoint.", where=f"{where}.base_url", hint="https://HOST/v1")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise key_found(f"{where}.base_url")
    if parts.scheme == "http" and calls.get("api_key_env") and not is_loopback(url):
        raise SourceMistake(
            "would send the key in the clear.", where=f"{where}.base_url", hint="Use https, or an endpoint on loopback."
        )
    return url.rstrip("/")


def _options(given: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    for key in _RESERVED:
        if key in given:
            raise SourceMistake(f'"{key}" is not for options to say.', where=f"{where}: options")
    limit = {} if {"max_tokens", "max_completion_tokens"} & set(given) else {"max_tokens": MAX_TOKENS}
    made = {**limit, **given}
    most = made.get("max_completion_tokens", made.get("max_tokens"))
    if type(most) is not int or most < 1:
        raise SourceMistake("is no number of tokens.", where=f"{where}: options.max_tokens")
    return made


def _number(given: Mapping[str, Any], key: str, default: int, where: str) -> int:
    value = given.get(key, default)
    if type(value) is not int or not 1 <= value <= 100_000:
        raise SourceMistake("must be a whole number above 0.", where=f"{where}.{key}")
    return int(value)


def _amount(given: Mapping[str, Any], key: str, where: str) -> float | None:
    value = given.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e15:
        raise SourceMistake("must be a number above 0.", where=f"{where}.{key}")
    return float(value)


def _price(prices: Mapping[str, Any], key: str, where: str) -> float:
    value = prices[key]
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e6:
        raise SourceMistake("must be a price of a million tokens.", where=f"{where}.prices.{key}")
    return float(value)


def _known(given: Any, known: Sequence[str], what: str) -> None:
    if not isinstance(given, Mapping):
        raise SourceMistake("must be a group of keys.", where=what)
    for key in given:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1)
            hint = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(known)}."
            raise SourceMistake(f'has no key "{str(key)[:40]}".', where=what, hint=hint)
