"""Answers that are JSON documents, for the checks of them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

DECLINED = ["error"]  # the only key of a document that says why there is none
_NO_KEY = "no key "


def document(answer: str) -> Any:
    """The document that an answer is. Raises ValueError where it is none, however deep it goes astray, or has a key twice."""
    try:
        return json.loads(answer, object_pairs_hook=_members)
    except RecursionError as error:
        raise ValueError("too deep") from error


def declines(found: Any) -> bool:
    """Whether it says why there is no document."""
    return isinstance(found, dict) and [*found] == DECLINED


def lacking(found: Mapping[str, Any]) -> str | None:
    """The key that is not there, where that is why."""
    why = found[DECLINED[0]]
    return why.removeprefix(_NO_KEY) if isinstance(why, str) and why.startswith(_NO_KEY) else None


def _members(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a key stands twice")
    return members
