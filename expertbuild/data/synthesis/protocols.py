"""How two kinds of endpoint are spoken to: OpenAI's chat completions, which many servers speak, and Anthropic's messages.

Pure functions over documents: nothing here opens a connection or knows a key's value for longer than a header.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ANTHROPIC_VERSION = "2023-06-01"

Document = Mapping[str, Any]


@dataclass(frozen=True)
class Said:
    """What came back: the text, why it ended, who says it was, and the tokens (None: it was not told)."""

    text: str
    finish: str
    model: str
    tokens: tuple[int, int] | None


@dataclass(frozen=True)
class Protocol:
    """One way of speaking to an endpoint."""

    base_url: str
    path: str
    headers: Callable[[str], Mapping[str, str]]
    body: Callable[[Document], dict[str, Any]]
    read: Callable[[Any], Said]


def _openai_headers(key: str) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {key}"} if key else {}


def _openai_body(request: Document) -> dict[str, Any]:
    return {"model": request["model"], "messages": list(request["messages"]), **request["options"]}


def _openai_said(answer: Any) -> Said:
    choice = answer["choices"][0]
    usage = answer.get("usage") or {}
    return Said(
        _text(choice["message"]["content"]),
        str(choice.get("finish_reason") or ""),
        str(answer.get("model") or ""),
        _tokens(usage, "prompt_tokens", "completion_tokens"),
    )


def _anthropic_headers(key: str) -> Mapping[str, str]:
    return {"anthropic-version": ANTHROPIC_VERSION} | ({"x-api-key": key} if key else {})


def _anthropic_body(request: Document) -> dict[str, Any]:
    system = [message["content"] for message in request["messages"] if message["role"] == "system"]
    talk = [message for message in request["messages"] if message["role"] != "system"]
    body = {"model": request["model"], "messages": talk, **request["options"]}
    return body | ({"system": "\n\n".join(system)} if system else {})


def _anthropic_said(answer: Any) -> Said:
    parts = [_text(part["text"]) for part in answer["content"] if part.get("type") == "text"]
    return Said(
        "".join(parts),
        str(answer.get("stop_reason") or ""),
        str(answer.get("model") or ""),
        _tokens(answer.get("usage") or {}, "input_tokens", "output_tokens"),
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("the content is no text")
    return value


def _tokens(usage: Mapping[str, Any], *names: str) -> tuple[int, int] | None:
    found: Sequence[Any] = [usage.get(name) for name in names]
    if any(type(each) is not int or not 0 <= each < 1_000_000_000 for each in found):
        return None
    return found[0], found[1]


PROTOCOLS: Mapping[str, Protocol] = {
    "openai": Protocol("https://api.openai.com/v1", "/chat/completions", _openai_headers, _openai_body, _openai_said),
    "anthropic": Protocol(
        "https://api.anthropic.com", "/v1/messages", _anthropic_headers, _anthropic_body, _anthropic_said
    ),
}
