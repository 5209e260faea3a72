"""JSON documents that a text shows, and what stands in them."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

MOST_DOCUMENTS = 20  # brackets at which a document is looked for

_BRACKET = re.compile(r"[\[{]")


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


def objects(found: Sequence[Any]) -> Iterator[Mapping[str, Any]]:
    """The objects of documents, and those within."""
    return (one for one in everything([*found]) if isinstance(one, dict))


def held(value: Any) -> list[Mapping[str, Any]]:
    """The objects of one kind that a value is: one, or those of a list."""
    found: list[Mapping[str, Any]] = [
        each for each in (value if isinstance(value, list) else [value]) if isinstance(each, dict)
    ]
    return found if any(found) else []


def holding(found: Sequence[Any]) -> set[str]:
    """The keys whose values are objects, or lists of them: those are of types of their own."""
    return {key for one in objects(found) for key, value in one.items() if held(value)}


def everything(found: Any) -> Iterator[Any]:
    """A document, and all that is within it but keys."""
    left = [found]
    while left:
        one = left.pop()
        yield one
        if isinstance(one, dict | list):
            left += one.values() if isinstance(one, dict) else one
