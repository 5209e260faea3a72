"""JSON Schema from a stranger, checked within bounds: no network, no pattern that explodes, no work without end.

A schema comes with somebody's data or recipe, so it is read as strictly as data is. What it may not do: refer to anything
outside itself, use patterns that RE2 does not read, use patternProperties (the library matches those with Python's own
engine), or ask for more than `MOST_CHECKS` steps for one row. A row that takes more is left out.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from expertbuild.data.errors import RecipeMistake
from runtime.artifact import strict_json
from runtime.artifact.refusals import BadJson

MOST_CHECKS = 100_000  # keywords looked at for one row
LONG = 1000  # entries or letters to look through that count as one keyword more
LARGEST = 1_000_000  # bytes of a schema
REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")


class _TooMuch(Exception):
    """More checks than one row may cost."""


@dataclass(frozen=True)
class Bounded:
    """A schema that is ready, and what errors call it."""

    validator: Any
    name: str


@lru_cache
def load(path: Path) -> Bounded:
    """A validator for the schema in this file; an error that says what is wrong with the file."""
    where = path.name
    try:
        schema = strict_json.read(path.read_bytes(), "the schema", cap=LARGEST)
    except BadJson as fault:
        raise RecipeMistake(fault.what, where=where) from None
    return bounded(schema, where)


def bounded(schema: Any, where: str) -> Bounded:
    """A validator for a schema that was read already; `where` is what errors call it."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    if not isinstance(schema, dict | bool):
        raise RecipeMistake("a JSON Schema is an object.", where=where)
    _harmless(schema, where)
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as fault:
        place = ".".join(map(str, fault.absolute_path)) or "the top"
        raise RecipeMistake(f"is not a JSON Schema at {place}: {fault.message[:200]}.", where=where) from None
    except RecursionError:
        raise RecipeMistake("is nested too deeply.", where=where) from None
    return Bounded(_validator(schema, where), where)


def refusal(schema: Bounded, value: Any) -> str:
    """Why a value does not follow the schema, in a few words that name its place; "" if it does."""
    from jsonschema.exceptions import ValidationError
    from referencing.exceptions import Unresolvable

    _Steps.left = MOST_CHECKS
    try:
        fault: ValidationError | None = next(schema.validator.iter_errors(value), None)
    except _TooMuch:
        return "it takes too long to check"
    except RecursionError:
        raise RecipeMistake("the schema refers to itself without end.", where=schema.name) from None
    except Unresolvable as error:
        raise RecipeMistake(f"refers to nothing: {str(error)[:100]}.", where=schema.name) from None
    if fault is None:
        return ""
    place = ".".join("*" if isinstance(step, int) else str(step)[:40] for step in fault.absolute_path)
    return f"{fault.validator}{f' at {place}' if place else ''}"[:120]


class _Steps:
    left = MOST_CHECKS

    @classmethod
    def spend(cls, steps: int) -> None:
        cls.left -= steps
        if cls.left < 0:
            raise _TooMuch


def _size(value: Any) -> int:
    """How much there is to look through."""
    return len(value) if isinstance(value, str | list | dict) else 0


def _harmless(schema: Any, where: str) -> None:
    inside = {key: value for key, value in schema.items() if key != "$schema"} if isinstance(schema, dict) else schema
    for key, value in _keywords(inside):
        if key == "$schema":  # the library would go on with a class of its own, without our bounds
            raise RecipeMistake("names another dialect inside.", where=where, hint="Say $schema at the top only.")
        if key in REFERENCES and not (isinstance(value, str) and value.startswith("#")):
            raise RecipeMistake(
                f"refers to {json.dumps(value)[:100]}: a schema must stand alone.",
                where=where,
                hint="Put it under $defs and refer to #/$defs/NAME.",
            )
        if key == "patternProperties":
            raise RecipeMistake("patternProperties is not read here.", where=where, hint="Say propertyNames.")
        if key == "pattern":
            _matches(value, "", where)


def _keywords(schema: Any) -> Iterator[tuple[str, Any]]:
    """Every key and value at any depth. A property that is named as a keyword is taken for one: better too strict."""
    stack = [schema]
    while stack:
        one = stack.pop()
        if isinstance(one, Mapping):
            for key, value in one.items():
                if key == "properties" and isinstance(value, Mapping):
                    stack.extend(value.values())
                    continue
                if key not in ("const", "enum", "default", "examples"):
                    yield key, value
                    stack.append(value)
        elif isinstance(one, list):
            stack.extend(one)


def _matches(pattern: Any, text: str, where: str) -> bool:
    """RE2, by way of pyarrow: linear in the text, whatever the pattern."""
    import pyarrow as arrow
    import pyarrow.compute as compute

    try:
        found = compute.match_substring_regex(arrow.array([text]), str(pattern))
    except arrow.ArrowInvalid:
        raise RecipeMistake(
            f"the pattern {json.dumps(pattern)[:100]} is not one that RE2 reads.",
            where=where,
            hint="It knows neither references to groups nor looking ahead or behind.",
        ) from None
    return bool(found[0].as_py())


def _validator(schema: Any, where: str) -> Any:
    from jsonschema import Draft202012Validator, ValidationError, validators
    from referencing import Registry

    def pattern(_validator: Any, expression: Any, instance: Any, _schema: Any) -> Iterator[ValidationError]:
        if isinstance(instance, str) and not _matches(expression, instance, where):
            yield ValidationError("does not match")

    def unique(_validator: Any, wanted: Any, instance: Any, _schema: Any) -> Iterator[ValidationError]:
        # The library compares every item with every other where they cannot be sorted.
        if wanted and isinstance(instance, list):
            spelled = {json.dumps(item, sort_keys=True) for item in instance}
            if len(spelled) != len(instance):
                yield ValidationError("has an item twice")

    def counted(check: Any) -> Any:
        def step(validator: Any, value: Any, instance: Any, schema: Any) -> Any:
            _Steps.spend(1 + (_size(value) + _size(instance)) // LONG)
            return check(validator, value, instance, schema)

        return step

    own = {**Draft202012Validator.VALIDATORS, "pattern": pattern, "uniqueItems": unique}
    extend: Any = validators.extend
    kind = extend(Draft202012Validator, {name: counted(check) for name, check in own.items()})
    plain = {key: value for key, value in schema.items() if key != "$schema"} if isinstance(schema, dict) else schema
    return kind(plain, registry=Registry())  # an empty registry fetches nothing
