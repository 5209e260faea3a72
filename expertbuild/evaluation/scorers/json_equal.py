"""Right is JSON that parses strictly and means the same document: the order of keys is free, nothing else is.

The whole answer must be JSON: no fence, no sentence around it, no NaN, no key twice. 1 and 1.0 are the same number;
true and 1 are not the same value. Where the task is how the document is written (`facts.as_written`), the answer has to be
written like the expected one, letter for letter.
"""

import json
from collections.abc import Mapping
from typing import Any

from expertbuild.evaluation.scorers import Score


def score(answer: str, row: Mapping[str, Any]) -> Score:
    try:
        given = parse(answer)
    except (ValueError, RecursionError) as error:
        return Score(0.0, f"not JSON: {error}"[:200])
    expected = row["facts"]["expected"] if "expected" in row["facts"] else parse(row["answer"])
    try:
        place = difference(given, expected)
    except RecursionError:
        return Score(0.0, "it is nested too deep")
    if place is not None:
        return Score(0.0, place)
    if row["facts"].get("as_written") and answer != row["answer"]:
        return Score(0.0, "the same document, written otherwise")
    return Score(1.0, "equal")


def well_formed(answer: str) -> bool:
    try:
        parse(answer)
    except (ValueError, RecursionError):
        return False
    return True


def parse(text: str) -> Any:
    """The document, by the letter of RFC 8259."""
    return json.loads(text, object_pairs_hook=_object, parse_constant=_constant)


def difference(given: Any, expected: Any, path: str = "$") -> str | None:
    """Where two documents first differ, or None."""
    if isinstance(expected, dict) and isinstance(given, dict):
        for key in expected:
            if key not in given:
                return f"{path}.{key} is missing"
        for key in given:
            if key not in expected:
                return f"{path}.{key} should not be there"
        return next(filter(None, (difference(given[key], expected[key], f"{path}.{key}") for key in expected)), None)
    if isinstance(expected, list) and isinstance(given, list):
        if len(given) != len(expected):
            return f"{path} has {len(given)} items instead of {len(expected)}"
        pairs = zip(given, expected, strict=True)
        return next(filter(None, (difference(*pair, f"{path}[{n}]") for n, pair in enumerate(pairs))), None)
    same = given == expected and _kind(given) == _kind(expected)
    return None if same else f"{path} is {_short(given)} instead of {_short(expected)}"


def _kind(value: Any) -> str:
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:59] + "…"


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return made


def _constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
