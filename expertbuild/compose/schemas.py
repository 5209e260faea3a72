"""The configuration against `schemas/config/*.schema.json`, every problem at once.

jsonschema is imported here and nowhere else in this package, and only when a configuration is new (see `memo`).
"""

import json
import math
from collections.abc import Iterator
from functools import cache
from typing import Any

import jsonschema
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from expertbuild.compose.places import schema_folder
from expertbuild.compose.sentences import Sentence, sentences


def violations(config: Any, schema: str = "config") -> Iterator[Sentence]:
    """What in `config` is not as `schema` says, in the order of the configuration."""
    errors = _validator(schema).iter_errors(config)
    for error in sorted(errors, key=lambda error: [str(step) for step in error.absolute_path]):
        yield from sentences(error)


@cache
def documents() -> dict[str, Any]:
    """Every configuration schema by name, as it stands in its file."""
    files = sorted(schema_folder().glob("*.schema.json"))
    return {file.name.removesuffix(".schema.json"): json.loads(file.read_bytes()) for file in files}


def _without_dialect(schema: dict[str, Any]) -> dict[str, Any]:
    """A document that names its dialect would be checked by jsonschema's own class for it, with laxer numbers."""
    return {key: value for key, value in schema.items() if key != "$schema"}


@cache
def _validator(schema: str) -> Any:
    plain = {f"{name}.schema.json": _without_dialect(one) for name, one in documents().items()}
    everything = [(name, DRAFT202012.create_resource(one)) for name, one in plain.items()]
    registry: Any = Registry().with_resources(everything)
    return _Strict(plain[f"{schema}.schema.json"], registry=registry)


def _is_integer(_: Any, value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(_: Any, value: Any) -> bool:
    """No NaN and no infinity: nothing here means anything with them."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


_extend: Any = jsonschema.validators.extend
_Strict = _extend(
    jsonschema.Draft202012Validator,
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine_many(
        {"integer": _is_integer, "number": _is_number}
    ),
)
