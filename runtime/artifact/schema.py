"""Checks a document against its shipped JSON Schema, with one sentence about the first thing that is wrong.

Two readings are stricter than the Python library's own: `$` in a pattern means the very end, not "before a last line
break", and 3.0 is not an integer. jsonschema takes 0.2 s to import, so it is imported when a document is checked,
which paths that only list what is installed never do.
"""

import json
import re
from functools import lru_cache
from typing import Any

from runtime.artifact.refusals import BadDocument, UnknownVersion
from runtime.home import shipped

_LONGEST_SENTENCE = 200


def check(value: Any, schema: str, what: str) -> None:
    """Refuse `value` unless it follows schemas/`schema`.schema.json; `what` names the document."""
    from jsonschema.exceptions import best_match

    fault = best_match(_validator(schema).iter_errors(value))
    if fault is not None:
        place = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in fault.absolute_path)
        sentence = fault.message
        if len(sentence) > _LONGEST_SENTENCE:
            sentence = f"{sentence[: _LONGEST_SENTENCE // 2]} ... {sentence[-_LONGEST_SENTENCE // 2 :]}"
        at = f" at {place.lstrip('.')[:120]}" if place else ""
        raise BadDocument(f"{what} is not as it must be{at}: {sentence}.")


def expect_version(value: Any, field: str, known: str, what: str, hint: str = "") -> None:
    """A document says what it is before anything else of it is believed; it is never read as an older kind."""
    found = value.get(field) if isinstance(value, dict) else None
    if found != known:
        raise UnknownVersion(f"{what} says it is {str(found)[:60]!r}; this program knows {known!r}.", hint=hint)


@lru_cache
def _validator(schema: str) -> Any:
    from jsonschema import Draft202012Validator, TypeChecker, ValidationError, validators

    def pattern(_validator: Any, expression: str, instance: Any, _schema: Any) -> Any:
        exact = expression[:-1] + r"\Z" if expression.endswith("$") else expression
        if isinstance(instance, str) and not re.search(exact, instance):
            yield ValidationError(f"{instance!r} does not match {expression!r}")

    def integer(_checker: TypeChecker, instance: Any) -> bool:
        return type(instance) is int

    extend: Any = validators.extend  # the library leaves it untyped
    strict = extend(
        Draft202012Validator,
        {"pattern": pattern},
        type_checker=Draft202012Validator.TYPE_CHECKER.redefine("integer", integer),
    )
    document = json.loads((shipped("schemas") / f"{schema}.schema.json").read_text("utf-8"))
    return strict(document)
