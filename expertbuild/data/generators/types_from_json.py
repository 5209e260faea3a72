"""The task "write the type of this JSON": one document, or a few of a kind, and the type whose values they are.

A key that some of the documents lack may be missing, one that is null in some may be null; what nothing tells (an empty
list, a lone null) is unknown. A document with no keys has no type to take from it, and the answer says so.
"""

import json
import random
from dataclasses import replace
from typing import Any

from expertbuild.data.generators import code_model as model
from expertbuild.data.generators.code_languages import cannot
from expertbuild.data.generators.code_languages import language as language_of
from expertbuild.data.generators.code_model import Field, Record, pascal
from expertbuild.data.generators.code_rows import SAID, form_of, row
from expertbuild.data.generators.documents import decimal, number
from expertbuild.data.generators.phrases import Voice, spoken
from expertbuild.data.generators.words import plural
from expertbuild.data.rows import Row

EMPTY = ("{}", "[]", "[{}]", "null")
NOTHING = "it has no keys"
SHAPES = ("one", "several", "nested", "empty")
WEIGHTS = (10, 5, 4, 1)


def draw(rng: random.Random, words: str = "train", phrasings: str = "train", language: str = "python") -> Row:
    """One document with its type."""
    writer = language_of(language)
    shape = rng.choices(SHAPES, WEIGHTS)[0]
    record = _record(rng, words, shape)
    form = rng.choice(writer.FORMS)
    text = rng.choice(EMPTY) if shape == "empty" else _document(rng, words, record, shape)

    def write(voice: Voice) -> str:
        called = form_of(writer, form, voice.chance(0.25))
        return voice.say("from_json", form=called, type=pascal(record.name), json=text)

    asked = spoken(SAID["json"], rng, phrasings, write)
    if shape == "empty":
        return row("types_from_json", language, asked, cannot(writer, NOTHING), "from JSON, nothing there")
    form = "serde struct" if form == "struct" else form
    needs = ['#[serde(rename_all = "camelCase")]'] if form == "serde struct" and _renamed(record) else []
    return row(
        *("types_from_json", language, asked, writer.declare(record, form), f"from JSON, {shape}"),
        tests=writer.type_tests(record, form),
        needs=needs,
    )


def _renamed(record: Record) -> bool:
    return any(each.key(field) != field.name for each in model.nested(record) for field in each.fields)


def _record(rng: random.Random, part: str, shape: str) -> Record:
    record = model.record(rng, part, 2, 3 if shape == "nested" else 5, lists=0.2)
    record = replace(record, camel=rng.random() < 0.3)
    fields = list(record.fields)
    if shape == "several":
        for place in rng.sample(range(len(fields)), rng.randint(1, 2)):
            null = rng.random() < 0.5
            fields[place] = replace(fields[place], optional=not null, null=null)
    elif rng.random() < 0.12:
        place = rng.randrange(len(fields))
        fields[place] = replace(fields[place], kind="unknown")
    if shape == "nested":
        fields.insert(rng.randint(0, len(fields)), _within(rng, part, record))
    return replace(record, fields=tuple(fields))


def _within(rng: random.Random, part: str, record: Record) -> Field:
    """A field that holds a record, or a list of them, by whose name it is called."""
    taken = {record.name, *(field.name for field in record.fields)}
    while True:
        inner = replace(model.record(rng, part, 2, 3, lists=0), camel=record.camel)
        many = rng.random() < 0.4 and plural(inner.name) == inner.name + "s"
        name = plural(inner.name) if many else inner.name
        if name not in taken and name not in ("list", "lists") and inner.name != record.name:
            return Field(name, "record", many=many, record=inner)


def _document(rng: random.Random, part: str, record: Record, shape: str) -> str:
    if shape != "several":
        one = _object(rng, part, record)
        return _written(rng, [one] if rng.random() < 0.1 else one)
    made = [_object(rng, part, record) for _ in range(rng.choice((2, 2, 3)))]
    for field in record.fields:
        if field.optional or field.null:
            lacking = rng.randrange(len(made))
            if field.optional:
                made[lacking].pop(record.key(field))
            else:
                made[lacking][record.key(field)] = None
    return _written(rng, made)


def _object(rng: random.Random, part: str, record: Record) -> dict[str, Any]:
    return {record.key(field): _value(rng, part, field) for field in record.fields}


def _value(rng: random.Random, part: str, field: Field) -> Any:
    if field.kind == "unknown":
        return [] if field.many else None
    if not field.many:
        return _one(rng, part, field)
    return [_one(rng, part, field) for _ in range(1 if field.record else rng.randint(1, 3))]


def _one(rng: random.Random, part: str, field: Field) -> Any:
    if field.record is not None:
        return _object(rng, part, field.record)
    if field.kind == "flag":
        return rng.random() < 0.5
    if field.kind == "text":
        return model.plain_text(rng, part, field.name)
    return number(rng) if field.kind == "integer" else decimal(rng)


def _written(rng: random.Random, document: Any) -> str:
    """As people paste it: on one line, tight, or indented."""
    style = rng.random()
    if style < 0.4:
        return json.dumps(document, ensure_ascii=False)
    if style < 0.6:
        return json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return json.dumps(document, ensure_ascii=False, indent=2)
