"""Right is JSON that is valid under a schema: the row's own (`facts.schema`), which is an object or its text.

It says nothing about whether the values are the ones that were meant; `json_equal` does. A schema that points outside
itself is refused: nothing is fetched.
"""

import json
from collections.abc import Mapping
from typing import Any

from expertbuild.evaluation.scorers import Score, json_equal
from expertbuild.evaluation.scorers.json_equal import parse

well_formed = json_equal.well_formed


def score(answer: str, row: Mapping[str, Any]) -> Score:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    try:
        given = parse(answer)
    except (ValueError, RecursionError) as error:
        return Score(0.0, f"not JSON: {error}"[:200])
    try:
        schema = row["facts"]["schema"]
        schema = json.loads(schema) if isinstance(schema, str) else schema
        Draft202012Validator.check_schema(schema)
        nothing: Registry[Any] = Registry()
        fault = next(Draft202012Validator(schema, registry=nothing).iter_errors(given), None)
    except (KeyError, ValueError, SchemaError, Unresolvable) as error:
        return Score(0.0, f"the case has no schema that can be used: {error}"[:200])
    except RecursionError:
        return Score(0.0, "it is nested too deep")
    except OverflowError:
        return Score(0.0, "it has a number that is too large to be judged")
    return Score(1.0, "valid") if fault is None else Score(0.0, f"{fault.json_path}: {fault.message}"[:300])
