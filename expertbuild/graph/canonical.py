"""One text for one value: the JSON that keys and tree digests are computed over.

Sorted keys, ASCII, no spaces, no NaN. JSON text already tells 1 from 1.0 from true and null from a
missing key, and Python reads and writes those texts without loss. What JSON cannot say is tagged:
a mapping with keys that are not strings (or begin with `$`) becomes {"$pairs": [[key, value], ...]}.
Anything else (paths, enums, dates, arrays) is refused: a key must not depend on how a type prints.
"""

import json
import math
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, NoReturn

from expertbuild.graph.errors import GraphMistake

_WRITE = json.JSONEncoder(sort_keys=True, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode


def canonical(value: Any) -> bytes:
    """The canonical text of a plain value."""
    return _WRITE(value).encode("ascii")


def digest(value: Any) -> str:
    return sha256(canonical(value)).hexdigest()


def plain(value: Any, where: str) -> Any:
    """`value` as plain JSON data; `where` is its dotted path, for the sentence that refuses it."""
    try:
        return _plain(value, where)
    except RecursionError:
        raise GraphMistake("is nested too deeply", where=where) from None


def _plain(value: Any, where: str) -> Any:
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        if abs(value) >= 1 << 64:
            raise GraphMistake("is an integer beyond 64 bits", where=where)
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise GraphMistake(f"is {value}; only finite numbers can be part of a key", where=where)
        return float(value)
    if isinstance(value, dict | Mapping):  # dict first: asking an abstract class is slow
        if all(type(name) is str and name[:1] != "$" for name in value):
            return {name: _plain(item, f"{where}.{name}") for name, item in value.items()}
        pairs = [[_plain(name, where), _plain(item, f"{where}.{name}")] for name, item in value.items()]
        return {"$pairs": sorted(pairs, key=lambda pair: canonical(pair[0]))}
    if isinstance(value, list | tuple):
        return [_plain(item, f"{where}[{index}]") for index, item in enumerate(value)]
    raise GraphMistake(
        f"is a {type(value).__name__}; configuration holds only text, numbers, true, false, null, lists and mappings",
        where=where,
    )


def read_json(data: bytes) -> Any:
    """Strict JSON: no name twice, no NaN, no bad UTF-8. Raises ValueError."""
    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=_once, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name appears twice")
    return found


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")
