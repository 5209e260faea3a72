"""Whether what came of a JSON document is what was asked of it: keys picked, removed or renamed, nulls dropped, items listed,
sorted, counted or filtered, its schema, or the document itself in the way it should be written.

What was asked is read from the words around the document and the keys and values that they name. Each operation is done here,
and an answer that none of those in question gives is doubted. Where nothing of all that is asked, the document has to stay.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from operator import ge, gt, le, lt
from types import NoneType
from typing import Any

from runtime.checks.compared import downward, wanted
from runtime.checks.json_documents import objects

_SCHEMA = re.compile(r"\bschema\b", re.I)
_MEND = re.compile(r"\b(?:fix|repair|mend|correct|broken|invalid|valid|wrong|errors?|fails?|parse\w*)\b", re.I)
_COUNT = re.compile(r"\b(?:count|how many|number of)\b", re.I)
_ORDER = re.compile(
    r"\b(?:sort(?:ed|s)?(?! (?:it |this |them )?out)|order(?:ed)?|(?:high|low)est first|reverse)\b", re.I
)
_KEYS_IN_ORDER = re.compile(
    r"\bkeys\b.{0,60}\b(?:order|sorted|alphabet)|\b(?:sort|order)\w{0,3}\b[^.\n]{0,60}\bkeys\b", re.I
)
_REVERSE = re.compile(r"\breverse\b", re.I)
_NULLS = re.compile(r"\bnulls?\b", re.I)
_RENAME = re.compile(r"\b(?:rename|call|change|instead|(?:for|as) the key)\b", re.I)
_DROP = re.compile(r"\b(?:remove|drop|delete|omit|strip|without|(?:leave|take) out)\b", re.I)
_KEEP = re.compile(r"\b(?:keep|only|pick|select|return|give)\b", re.I)
_BUT = re.compile(r"\b(?:all|everything|keys|rest|it) (?:but|except|other than)\b", re.I)
_REST = re.compile(r"\b(?:rest|others?|everything else)\b", re.I)
_INDENTED = re.compile(r"\b(?:indent\w*|pretty.?print\w*|two spaces|line of its own)\b", re.I)
_ONE_LINE = re.compile(r"\b(?:one line|minif\w+|compact|white ?space)\b", re.I)
_NO_VALUES = (None, "", "string", "number", "boolean")
_SIGNS = {">": gt, "<": lt, ">=": ge, "<=": le}
_KINDS = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    NoneType: "null",
    dict: "object",
    list: "array",
}


def template(document: Any, around: str) -> bool:
    """Whether a document says no more than which keys are wanted: their list, or without a value of its own."""
    if isinstance(document, list):
        return bool(document) and all(isinstance(each, str) for each in document) and not _ORDER.search(around)
    if not document or not isinstance(document, dict) or _SCHEMA.search(around) or _NULLS.search(around):
        return False
    return all(isinstance(value, str | NoneType) and value in _NO_VALUES for value in document.values())


def done(document: Any, around: str, found: Any) -> bool:
    """Whether an answer about a document is one of those that the words around it ask for."""
    if _SCHEMA.search(around):
        return _describes(found, document)
    results = _of_object(document, around, found) if isinstance(document, dict) else _of_list(document, around)
    stays = [document] if results is None or _MEND.search(around) else []
    return any(_same(found, each) for each in [*(results or []), *stays])


def lacks(document: Any, around: str, key: str) -> bool:
    """Whether a key is missing in a document, and was asked for."""
    there = document if isinstance(document, dict) else _shared(document) if isinstance(document, list) else ()
    return key not in there and _stands(key, around)


def written(around: str, answer: str, found: Any) -> bool:
    """Whether an answer is spelled as these words want it: on one line or indented, its keys in order."""
    if _KEYS_IN_ORDER.search(around) and any([*one] != sorted(one) for one in objects([found])):
        return False
    if _INDENTED.search(around):
        return any(answer.strip() == json.dumps(found, ensure_ascii=False, indent=by) for by in (2, 4, "\t"))
    return not (_ONE_LINE.search(around) and "\n" in answer.strip())


def _of_object(document: Mapping[str, Any], around: str, found: Any) -> list[Any] | None:
    """What the operations in question make of an object; None where there is none."""
    named = _named(document, around)
    cues = _without(named, around)
    if _KEYS_IN_ORDER.search(cues):
        return None
    if _NULLS.search(cues):
        return [{key: value for key, value in document.items() if value is not None}]
    if not named:
        return None
    if _RENAME.search(cues):
        new = [key for key in _named(found, around) if key not in document] if isinstance(found, dict) else []
        return [
            {name if key == old else key: value for key, value in document.items()} for old, name in product(named, new)
        ]
    picked = {key: value for key, value in document.items() if key in named}
    left = {key: value for key, value in document.items() if key not in named}
    drops, keeps, but = (bool(each.search(cues)) for each in (_DROP, _KEEP, _BUT))
    if not (drops or keeps or but):
        return None
    if but or not drops:
        return [picked if but is drops else left]
    if _REST.search(cues):
        return [picked]
    return [left, picked] if keeps else [left]


def _of_list(document: Any, around: str) -> list[Any] | None:
    """The same of a list."""
    if not isinstance(document, list):
        return None
    named = _named(_shared(document), around)
    cues = _without(named, around)
    if _KEYS_IN_ORDER.search(cues):
        return None
    if _COUNT.search(cues):
        return [len(each) for each in [*_filtered(document, named, around)] or [document]]
    if _ORDER.search(cues):
        return [*_sorted(document, named, cues)] or None
    listed = ([item[key] for item in document] for key in named)
    return [*_filtered(document, named, around)] or [*listed] or None


def _sorted(items: Sequence[Any], named: Sequence[str], around: str) -> Iterator[Any]:
    """In the order that is asked for, upwards unless it says otherwise."""
    down = bool(downward(around) or _REVERSE.search(around))
    if all(isinstance(item, int | float) for item in items):
        yield sorted(items, reverse=down)
    for key in named:
        if all(isinstance(item[key], int | float) for item in items) or all(
            isinstance(item[key], str) for item in items
        ):
            yield sorted(items, key=lambda item: item[key], reverse=down)


def _filtered(items: Sequence[Any], named: Sequence[str], around: str) -> Iterator[list[Any]]:
    """The items for which a condition holds: a key with a value that stands there, or beyond a number."""
    signs = [(_SIGNS[sign], number) for number, each in wanted(around).items() for sign in each]
    for key in named:
        values, others = [item[key] for item in items], _without([key], around)
        if all(isinstance(value, int | float) for value in values):
            yield from ([item for item in items if holds(item[key], number)] for holds, number in signs)
        for value in values:
            if not isinstance(value, dict | list) and _stands(_said(value), others):
                yield [item for item in items if _same(item[key], value)]


def _describes(schema: Any, value: Any) -> bool:
    """Whether a schema is of this value's kind, key by key."""
    if not isinstance(schema, dict):
        return False
    kind, told = _KINDS[type(value)], schema.get("type")
    if told != kind and not (kind == "integer" and told == "number"):
        return False
    if isinstance(value, dict):
        properties, required = schema.get("properties"), schema.get("required", [*value])
        return (
            isinstance(properties, dict)
            and properties.keys() == value.keys()
            and isinstance(required, list)
            and all(isinstance(key, str) for key in required)
            and {*required} == value.keys()
            and all(_describes(properties[key], each) for key, each in value.items())
        )
    return not isinstance(value, list) or not value or _describes(schema.get("items"), value[0])


def _shared(items: Sequence[Any]) -> list[str]:
    """The keys that all items have."""
    if not items or not all(isinstance(item, dict) for item in items):
        return []
    return [key for key in items[0] if all(key in item for item in items)]


def _named(keys: Sequence[str] | Mapping[str, Any], around: str) -> list[str]:
    return [key for key in keys if _stands(key, around)]


def _without(names: Sequence[str], around: str) -> str:
    """The words that are none of these names."""
    for name in names:
        around = _standing(name).sub(" ", around, count=1)
    return around


def _stands(text: str, around: str) -> bool:
    """Whether it stands there, not as a part of a word or number."""
    return bool(text) and _standing(text).search(around) is not None


def _standing(text: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w.-]){re.escape(text)}(?![\w-]|\.\d)")


def _said(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _same(one: Any, other: Any) -> bool:
    """Equal, where 1 is not true and 1.0 may be 1."""
    if isinstance(one, bool) is not isinstance(other, bool):
        return False
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)
