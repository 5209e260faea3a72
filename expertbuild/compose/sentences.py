"""What a JSON Schema validator found, said the way a person would say it.

One function per schema keyword, looked up by name; a keyword without one falls back to the validator's own words.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

from expertbuild.compose.faults import advise, did_you_mean

Found = Any  # jsonschema.ValidationError; not imported here, since a build in which all is well needs none of it
Sentence = tuple[list[str | int], str, str]  # where in the configuration, what is wrong, what to do

_TYPES = {
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "boolean": "true or false",
    "array": "a list",
    "object": "a group of keys",
    "null": "null",
}


def sentences(error: Found) -> Iterator[Sentence]:
    """The sentences for one error: one for each key where several are wrong at once."""
    yield from _SAYERS.get(error.validator, _plainly)(error)


def name(path: list[str | int]) -> str:
    """`dataset.offline.sources[0].rows`."""
    made = ""
    for step in path:
        made += f"[{step}]" if isinstance(step, int) else f".{step}" if made else step
    return made or "the configuration"


def shown(value: Any) -> str:
    """A value as YAML writes it, cut where it is long."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _path(error: Found) -> list[str | int]:
    return list(error.absolute_path)


def _about(error: Found, rest: str, hint: str = "") -> Iterator[Sentence]:
    yield _path(error), f"{name(_path(error))} {rest}", hint


def _type(error: Found) -> Iterator[Sentence]:
    wanted = [error.validator_value] if isinstance(error.validator_value, str) else error.validator_value
    form = error.schema.get("x-form") or " or ".join(_TYPES[each] for each in wanted)
    yield from _about(error, f"must be {form}, not {shown(error.instance)}.")


def _enum(error: Found) -> Iterator[Sentence]:
    known = [str(each) for each in error.validator_value]
    what = error.schema.get("title") or name(_path(error))
    if isinstance(error.instance, str):
        yield _path(error), f'{what}: there is no "{error.instance}".', advise(error.instance, known)
    else:
        yield from _about(error, f"must be one of {', '.join(known)}, not {shown(error.instance)}.")


def _unknown_keys(error: Found) -> Iterator[Sentence]:
    if not isinstance(error.validator_value, bool):  # a schema for the other keys: its own errors say more
        yield from _plainly(error)
        return
    known = error.schema.get("properties", {})
    for key in error.instance:
        if key not in known and key != "_target_":  # refused everywhere, in words of its own
            inside = f"{name(_path(error))} has" if _path(error) else "there is"
            yield (
                [*_path(error), key],
                f'{inside} no key "{key}".',
                did_you_mean(str(key), known) or advise(str(key), known),
            )


def _required(error: Found) -> Iterator[Sentence]:
    for key in error.validator_value:
        if key not in error.instance and f"'{key}'" in error.message:
            about = error.schema.get("properties", {}).get(key, {}).get("description", "")
            yield [*_path(error), key], f"{name([*_path(error), key])} is missing.", about


def _pattern(error: Found) -> Iterator[Sentence]:
    form = error.schema.get("x-form", f"of the form {error.validator_value}")
    yield from _about(error, f"must be {form}, not {shown(error.instance)}.")


def _bound(words: str) -> Callable[[Found], Iterator[Sentence]]:
    def say(error: Found) -> Iterator[Sentence]:
        yield from _about(error, f"must be {words} {error.validator_value}, not {shown(error.instance)}.")

    return say


def _says(words: str) -> Callable[[Found], Iterator[Sentence]]:
    return lambda error: _about(error, words)


def _at_least(things: str) -> Callable[[Found], Iterator[Sentence]]:
    def say(error: Found) -> Iterator[Sentence]:
        least = error.validator_value
        yield from _about(error, "must not be empty." if least == 1 else f"needs at least {least} {things}.")

    return say


def _plainly(error: Found) -> Iterator[Sentence]:
    yield from _about(error, f"is not right: {error.message}.")


_SAYERS: dict[str, Callable[[Found], Iterator[Sentence]]] = {
    "type": _type,
    "enum": _enum,
    "additionalProperties": _unknown_keys,
    "required": _required,
    "pattern": _pattern,
    "not": _pattern,
    "minimum": _bound("at least"),
    "maximum": _bound("at most"),
    "exclusiveMinimum": _bound("above"),
    "exclusiveMaximum": _bound("below"),
    "minItems": _at_least("entries"),
    "minLength": _at_least("letters"),
    "uniqueItems": _says("names something twice."),
}
