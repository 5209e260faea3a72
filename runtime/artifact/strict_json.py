"""JSON for documents that are signed: read without doubt, written in one way only.

Every reader in the world must see the same document, so whatever two parsers could read differently is refused:
duplicate keys, NaN, numbers that overflow, a byte-order mark, lone surrogates, nesting that exhausts a stack.
The canonical writing is sorted keys (by code point), no spaces, UTF-8, and Python's shortest form of a float.
It knows nothing of schemas.
"""

import json
import math
from contextlib import suppress
from typing import Any, NoReturn

from runtime.artifact.refusals import BadJson

DEPTH = 64
CAP = 8 * 1024 * 1024
_LONGEST_INTEGER = 20  # a sign and 19 digits: what 64 bits hold


def read(data: bytes, what: str, *, cap: int = CAP, depth: int = DEPTH) -> Any:
    """The value that these bytes spell; `what` names the document in refusals."""
    if len(data) > cap:
        raise BadJson(f"{what} has {len(data):,} bytes; at most {cap:,} are read.")
    if data.startswith(b"\xef\xbb\xbf"):
        raise BadJson(f"{what} begins with a byte-order mark.")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadJson(f"{what} is not UTF-8 at byte {error.start}.") from None

    def no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(pairs)
        if len(result) != len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise BadJson(f"{what} has the key {twice[:80]!r} twice.")
        return result

    def no_constant(name: str) -> NoReturn:
        raise BadJson(f"{what} contains {name}, which is not JSON.")

    def finite(digits: str) -> float:
        value = float(digits)
        if not math.isfinite(value):
            raise BadJson(f"{what} contains the number {digits[:40]}, which is too large.")
        return value

    def short_integer(digits: str) -> int:
        if len(digits) > _LONGEST_INTEGER:
            raise BadJson(f"{what} contains an integer of {len(digits)} digits.")
        return int(digits)

    try:
        value = json.loads(
            text,
            object_pairs_hook=no_duplicates,
            parse_constant=no_constant,
            parse_float=finite,
            parse_int=short_integer,
        )
    except json.JSONDecodeError as error:
        raise BadJson(f"{what} is not JSON: {error.msg} at line {error.lineno}, column {error.colno}.") from None
    except RecursionError:
        raise BadJson(f"{what} is nested too deeply.") from None
    _inspect(value, what, depth)
    return value


def read_canonical(data: bytes, what: str, *, cap: int = CAP) -> Any:
    """As `read`, and the bytes must be the canonical ones: a signed document has one spelling."""
    value = read(data, what, cap=cap)
    if canonical(value) != data:
        raise BadJson(f"{what} is not in canonical form (sorted keys, no spaces).")
    return value


def read_mostly_canonical(data: bytes, what: str, *, cap: int = CAP) -> Any:
    """As `read`, for documents that are canonical as a rule and may be long: those are read five times as fast.

    Bytes that are the one spelling of what was parsed hold nothing twice, no NaN, no overflow and no half surrogate, so
    no look at each value is needed to know it. Depth and the size of integers are not looked at: this is for callers
    that take nothing nested and put bounds on every number.
    """
    if len(data) <= cap:
        with suppress(ValueError, RecursionError):
            value = json.loads(data.decode("utf-8"))
            if _spelled(value) == data:
                return value
    return read(data, what, cap=cap)


def canonical(value: Any) -> bytes:
    """The one spelling of a value. Keys must be strings, numbers finite, text free of lone surrogates."""
    _inspect(value, "the document", DEPTH)
    return _spelled(value)


def _spelled(value: Any) -> bytes:
    return json.dumps(
        value,
        ensure_ascii=False,
        allow_nan=False,
        sort_keys=True,
        separators=(",", ":"),
    ).encode("utf-8")


def _inspect(value: Any, what: str, depth: int) -> None:
    """Refuse what the parser lets through: depth, lone surrogates, and types that JSON has not."""
    level = [value]
    for _ in range(depth + 1):
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                for key in item:
                    _text(key, what)
                below.extend(item.values())
            elif isinstance(item, list | tuple):
                below.extend(item)
            elif isinstance(item, str):
                _text(item, what)
            elif isinstance(item, float):
                if not math.isfinite(item):
                    raise BadJson(f"{what} contains {item}, which is not JSON.")
            elif item is not None and not isinstance(item, int):
                raise BadJson(f"{what} contains a {type(item).__name__}, which is not JSON.")
        if not below:
            return
        level = below
    raise BadJson(f"{what} is nested more than {depth} deep.")


def _text(text: Any, what: str) -> None:
    if not isinstance(text, str):
        raise BadJson(f"{what} has a key that is not text: {text!r}.")
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise BadJson(f"{what} contains half of a surrogate pair.") from None
