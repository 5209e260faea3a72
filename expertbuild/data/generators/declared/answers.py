"""The answer to a question, from its declaration and the values that the question told."""

import json
from collections.abc import Mapping
from functools import cache
from string import Formatter
from typing import Any

from expertbuild.data.columns import said
from expertbuild.data.generators.declared.shape import BRACED, fields, leaves


class NotSaid(Exception):
    """These values cannot be put into words, or not all that must be said was."""


def needed(answer: Any) -> set[str]:
    """The slots that an answer cannot do without: those inside a text. One that stands alone may be null."""
    return {
        name
        for leaf in leaves(answer)
        for name in fields(leaf)
        if isinstance(answer, str) or not BRACED.fullmatch(leaf)
    }


def written(answer: Any, scope: Mapping[str, Any], slots: list[str]) -> str:
    """The answer as text: a template filled, or a document as compact JSON."""
    if isinstance(answer, str):
        return filled(answer, scope)
    return json.dumps(_document(answer["json"], scope), ensure_ascii=False, separators=(",", ":"))


def _document(answer: Any, scope: Mapping[str, Any]) -> Any:
    if isinstance(answer, dict):
        return {key: _document(each, scope) for key, each in answer.items()}
    if isinstance(answer, list):
        return [_document(each, scope) for each in answer]
    if not isinstance(answer, str):
        return answer
    alone = BRACED.fullmatch(answer)
    return scope.get(alone[1]) if alone else filled(answer, scope)


def filled(template: str, scope: Mapping[str, Any]) -> str:
    """A template with its names filled in. Widths and attributes, which `str.format` would obey, mean nothing here."""
    parts = []
    for text, name in _parsed(template):
        parts.append(text)
        if name is not None:
            if name not in scope:
                raise NotSaid
            parts.append(said(scope[name]))
    return "".join(parts)


@cache
def _parsed(template: str) -> tuple[tuple[str, str | None], ...]:
    return tuple((text, name) for text, name, _, _ in Formatter().parse(template))
