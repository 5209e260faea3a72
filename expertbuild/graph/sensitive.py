"""Values that must never be written down: which configuration fields hold one, and how text is scrubbed.

The rule is refusal, not redaction. A step that reads a field which looks like a secret does not
start: a value that is only hidden in the key could still be copied by the action into its output,
and from there into a package. The way that works is an environment variable, named in the
configuration (`api_key_env: OPENAI_API_KEY`) and read by the action when it runs.

What looks like a secret: a last word such as password, secret, token, or `SOMETHING_key`. Not:
`tokens`, `max_tokens`, `pad_token`, `primary_key`, or a bare `key` (it names a file).
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_ALWAYS = {"password", "passwd", "passphrase", "secret", "secrets", "credential", "credentials", "apikey"}
# A name that ends so speaks about a secret and does not hold one.
_ABOUT = {"env", "variable", "file", "path", "name", "id", "length", "required", "enabled"}
_TOKENS_OF_A_MODEL = {
    "pad",
    "eos",
    "bos",
    "unk",
    "mask",
    "sep",
    "cls",
    "special",
    "stop",
    "start",
    "end",
    "image",
    "per",
}
_KEYS_OF_DATA = {
    "primary",
    "foreign",
    "public",
    "sort",
    "group",
    "join",
    "index",
    "text",
    "answer",
    "question",
    "prompt",
}


@cache
def looks_secret(name: str) -> bool:
    words = [word.lower() for word in _WORDS.findall(name)]
    if not words or words[-1] in _ABOUT:
        return False
    if _ALWAYS.intersection(words):
        return True
    before = words[-2] if len(words) > 1 else ""
    if words[-1] == "token":
        return before not in _TOKENS_OF_A_MODEL
    return words[-1] == "key" and before != "" and before not in _KEYS_OF_DATA


def find_secrets(config: Any, where: str = "", inside: bool = False) -> Iterator[str]:
    """Dotted names of the fields that hold a secret. An empty or null field holds none."""
    if isinstance(config, dict | Mapping):
        for name, value in config.items():
            place = f"{where}.{name}" if where else str(name)
            yield from find_secrets(value, place, inside or looks_secret(str(name)))
    elif isinstance(config, list | tuple):
        for index, value in enumerate(config):
            yield from find_secrets(value, f"{where}[{index}]", inside)
    elif inside and config is not None and not isinstance(config, bool) and config != "":
        yield where


_LOGIN_IN_URL = re.compile(r"(?<=://)[^/@\s]+(?=@)")
_SHORTEST = 8  # a shorter value would blot out ordinary words


class Scrubber:
    """Takes logins in URLs, and the values of secret-looking environment variables, out of a text."""

    def __init__(self, environment: Mapping[str, str] | None = None, also: Iterable[str] = ()) -> None:
        found = {
            value
            for name, value in (os.environ if environment is None else environment).items()
            if len(value) >= _SHORTEST and looks_secret(name)
        }
        found.update(also)
        self._values = sorted(found, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        for value in self._values:
            text = text.replace(value, "***")
        return _LOGIN_IN_URL.sub("***", text) if "://" in text else text
