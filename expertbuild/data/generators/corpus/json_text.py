"""JSON as it is: documents compact and indented, lists of records, JSON Schemas, and talk about them.

Never a broken document beside its repair, nor a text beside the document that could be drawn from it.
"""

import json
import random
from typing import Any

from expertbuild.data.generators.corpus.copying import turns
from expertbuild.data.generators.documents import document, record
from expertbuild.data.generators.words import thing

_FACTS = (
    "A JSON object stands between braces.",
    "A JSON list stands between brackets.",
    "In JSON, keys are strings in double quotes.",
    "A colon stands between a key and its value.",
    "Commas separate the members; after the last one there is none.",
    "true, false and null are written in small letters.",
    "Strings in JSON use double quotes, never single ones.",
    "JSON has no comments.",
    "Every opening brace has a closing one.",
    "Numbers in JSON are written without quotes.",
)


def sample(rng: random.Random) -> str | list[dict[str, str]]:
    return rng.choices((_documents, _schema, _question, _facts), (6, 2, 4, 1))[0](rng)


def write(rng: random.Random, value: Any) -> str:
    style = rng.random()
    if style < 0.55:
        return json.dumps(value, ensure_ascii=False)
    if style < 0.75:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return json.dumps(value, ensure_ascii=False, indent=2)


def _documents(rng: random.Random) -> str:
    return "\n".join(write(rng, document(rng, size=rng.randint(2, 8))) for _ in range(rng.randint(1, 3)))


def _schema(rng: random.Random) -> str:
    names = {
        bool: "boolean",
        int: "integer",
        float: "number",
        str: "string",
        list: "array",
        type(None): "null",
    }
    one = record(rng, fields=rng.randint(2, 5))
    properties = {key: {"type": names[type(value)]} for key, value in one.items()}
    made: dict[str, Any] = {
        "title": thing(rng),
        "type": "object",
        "properties": properties,
    }
    if rng.random() < 0.7:
        made["required"] = [key for key in one if rng.random() < 0.6]
    return write(rng, made)


def _question(rng: random.Random) -> list[dict[str, str]]:
    one = record(rng, fields=rng.randint(2, 7))
    text = write(rng, one)
    key = rng.choice(list(one))
    value = one[key]
    plain = value if isinstance(value, list) else [value]
    said = ", ".join(one if isinstance(one, str) else json.dumps(one) for one in plain)
    ask, answer = rng.choice(
        (
            (f"What is the value of {key}?", said),
            (f"{key}?", said),
            ("Which keys are there?", ", ".join(one)),
            ("How many keys are there?", str(len(one))),
            (f"Is there a key {key}?", "yes"),
            (f"Is there a key {key}s?", "no"),
        )
    )
    return turns(f"{text}\n{ask}", answer)


def _facts(rng: random.Random) -> str:
    return " ".join(rng.sample(_FACTS, rng.randint(2, 5)))
