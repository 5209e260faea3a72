"""Answers that are JSON documents, for the checks of them."""

import json
from typing import Any

DECLINED = ["error"]  # the only key of a document that says why there is none


def document(answer: str) -> Any:
    """The document that an answer is. Raises ValueError where it is none, however deep it goes astray."""
    try:
        return json.loads(answer)
    except RecursionError as error:
        raise ValueError("too deep") from error


def declines(found: Any) -> bool:
    """Whether it says why there is no document."""
    return isinstance(found, dict) and [*found] == DECLINED
