"""What a conversation about code shows: types with their fields (Python, TypeScript, Rust), and JSON documents."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from runtime.checks.json_answers import everything
from runtime.checks.words import spelled

Types = Mapping[str, Sequence[str]]
MOST_DOCUMENTS = 20  # brackets at which a document is looked for

IMPORT = re.compile(r"^[ \t]*+(?:from|import|use)\b[^\n]*+", re.MULTILINE)
_CLASS = re.compile(r"^class[ \t]++(\w++)[^\n:]*+:[^\n]*+\n((?:[ \t]++[^\n]++\n?+)++)", re.MULTILINE)
_BRACED = re.compile(
    r"\b(?:interface|struct)\s++(\w++)(?:<[^<>{}\n]*+>)?(?:\s++extends\s[^{};\n]*+)?\s*+\{([^{}]*+)\}"
    r"|\btype\s++(\w++)\s*+=\s*+\{([^{}]*+)\}"
)
_FIELD = re.compile(r"^[ \t]*+(?:(?:pub|readonly)[ \t]++)?(?:r#)?(\w++)\??[ \t]*+:(?!:)", re.MULTILINE)
_AROUND = re.compile(r"^[ \t]*+(?:@|#\[)[^\n]*+", re.MULTILINE)
_BRACKET = re.compile(r"[\[{]")


def types(text: str) -> dict[str, list[str]]:
    """The types that a text defines, with their fields: classes with annotated names, interfaces, structs."""
    found = {name: _FIELD.findall(body) for name, body in _CLASS.findall(text)}
    for name, body, other, fields in _BRACED.findall(text):
        found[name or other] = _FIELD.findall(re.sub(r"[,;]", "\n", body or fields))
    return {name: fields for name, fields in found.items() if fields}


def beside(text: str) -> str:
    """What a text says beside its types, their decorators and imports."""
    return IMPORT.sub("", _AROUND.sub("", _BRACED.sub("\n", _CLASS.sub("\n", text))))


def documents(text: str) -> tuple[list[Any], str]:
    """The JSON documents of a text, and the text without them."""
    found, kept, at, reader = [], [], 0, json.JSONDecoder()
    for _ in range(MOST_DOCUMENTS):
        bracket = _BRACKET.search(text, at)
        if bracket is None:
            break
        kept.append(text[at : bracket.end()])
        try:
            document, at = reader.raw_decode(text, bracket.start())
            found.append(document)
        except (ValueError, RecursionError):
            at = bracket.end()
    return found, "".join([*kept, text[at:]])


def objects(found: list[Any]) -> Iterator[Mapping[str, Any]]:
    """The objects of documents, and those within."""
    return (one for one in everything(found) if isinstance(one, dict))


def within(found: list[Any]) -> set[tuple[str, ...]]:
    """What objects within objects are called by: they are types of their own."""
    inner = ((key, value) for one in objects(found) for key, value in one.items())
    first = ((key, value[0] if isinstance(value, list) and value else value) for key, value in inner)
    return {spelled(key) for key, value in first if isinstance(value, dict) and value}


def lacking(found: Sequence[Any]) -> int:
    """How many keys some objects of a list lack, or have without a value."""
    lists = [[each for each in one if isinstance(each, dict)] for one in found if isinstance(one, list)]
    counts = [(len(held), Counter(key for each in held for key in each if each[key] is not None)) for held in lists]
    return sum(count < most for most, keys in counts for count in keys.values())
