"""The task "write the schema of this document": a JSON document, and a JSON Schema (draft 2020-12) that describes it.

There is one right schema, written in one way: `$schema` first; `type` of every value, whole numbers being integers; of an
object `properties` and then `required`, both with all of its keys in its order; of a list `items`, the schema of its first
item (all items here are of one kind), and nothing where it is empty. Nothing else is said.
"""

import random

from expertbuild.data.generators.asking import UNANSWERABLE
from expertbuild.data.generators.documents import document
from expertbuild.data.generators.json_rows import NO_JSON, SAID, Json, ask, laid_out, no_json, row
from expertbuild.data.generators.phrases import spoken
from expertbuild.data.rows import Row

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def draw(rng: random.Random, words: str = "train", phrasings: str = "train", size: int = 5) -> Row:
    """One document with its schema; `size` is about the largest number of leaves."""
    if rng.random() < UNANSWERABLE:
        asked = spoken(SAID["schema"], rng, phrasings, lambda voice: ask(voice, "schema", no_json(voice, words)))
        return row("json_schema_of", asked, NO_JSON, "schema, no JSON")
    value = document(rng, words, size=rng.randint(2, size))
    asked = spoken(SAID["schema"], rng, phrasings, lambda voice: ask(voice, "schema", laid_out(rng, value)))
    return row("json_schema_of", asked, {"$schema": DRAFT, **schema_of(value)}, f"schema, {_shape(value)}")


def schema_of(value: Json) -> dict[str, Json]:
    """The schema of one value."""
    if isinstance(value, dict):
        inner = {key: schema_of(each) for key, each in value.items()}
        return {"type": "object", "properties": inner, "required": list(inner)}
    if isinstance(value, list):
        return {"type": "array"} | ({"items": schema_of(value[0])} if value else {})
    if isinstance(value, bool):
        return {"type": "boolean"}
    return {"type": {str: "string", int: "integer", float: "number", type(None): "null"}[type(value)]}


def _shape(value: Json) -> str:
    if isinstance(value, list):
        return "list"
    return "nested" if any(isinstance(each, dict | list) for each in value.values()) else "object"
