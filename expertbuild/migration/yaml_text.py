"""Values of strangers as YAML that reads back as exactly the same values, and never as anything that acts.

Two readers stand behind our files. YAML takes `no`, `1e3` and `2024-01-01` for something else than text, and OmegaConf
takes `${...}` for a question to answer and `???` for a value that is missing. So every text is quoted unless it is
plainly a word, `${` is escaped, and what was written is read back before it is trusted.
"""

import json
import re
import textwrap
from typing import Any

import yaml

_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_./ -]*[A-Za-z0-9]|[A-Za-z]|[0-9]+\.[0-9]+\.[0-9]+")
_RESERVED = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
_QUESTION = re.compile(r"(\\*)\$\{")
_WIDTH = 110
MISSING = "???"  # OmegaConf has no way to write this as text


def escaped(text: str) -> str:
    """The text for OmegaConf: what it reads back as `text`."""
    return _QUESTION.sub(lambda found: found[1] * 2 + r"\${", text)


def scalar(value: Any) -> str:
    """One value on one line."""
    if not isinstance(value, str):
        return _number(value)
    text = escaped(value)
    if _WORD.fullmatch(text) and text.lower() not in _RESERVED and _same(text, text):
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    if not _same(quoted, text):
        quoted = yaml.safe_dump(text, default_style='"', width=10**9).strip()
    if not _same(quoted, text):
        raise AssertionError(f"{text!r} can not be written as YAML")
    return quoted


def flow(values: list[Any] | tuple[Any, ...]) -> str:
    """A list on one line."""
    return f"[{', '.join(map(scalar, values))}]"


def listing(key: str, values: list[str] | tuple[str, ...], indent: int) -> list[str]:
    """`key: [a, b]` where it fits on a line, else a line for each."""
    line = f"{' ' * indent}{key}: {flow(values)}"
    if len(line) <= _WIDTH or not values:
        return [line]
    return [f"{' ' * indent}{key}:", *(f"{' ' * indent}  - {scalar(value)}" for value in values)]


def paragraph(key: str, text: str, indent: int) -> list[str]:
    """`key: text`, as a folded block where it is long and folding loses nothing."""
    line = f"{' ' * indent}{key}: {scalar(text)}"
    if len(line) <= _WIDTH and "\n" not in text:
        return [line]
    margin = " " * (indent + 2)
    for style, pieces in ((">-", _wrapped(text, _WIDTH - indent)), ("|-", text.split("\n"))):
        body = [f"{margin}{escaped(piece)}".rstrip() for piece in pieces]
        block = [f"{' ' * indent}{key}: {style}", *body]
        if _reads("\n".join(block), key, escaped(text)):
            return block
    return [line]


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)


def _number(value: Any) -> str:
    return "null" if value is None else json.dumps(value)


def _same(written: str, text: str) -> bool:
    """Whether this is read as this text: alone, in a list, and as a value."""
    return _reads(f"key: {written}", "key", text) and _reads(f"key: [{written}, x]", "key", [text, "x"])


def _reads(written: str, key: str, value: Any) -> bool:
    try:
        return bool(yaml.safe_load(written) == {key: value})
    except yaml.YAMLError:
        return False
