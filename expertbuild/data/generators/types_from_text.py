"""The task "write the type of what this text describes": fields with their kinds in words, and the type that has them.

Fields come in the order of the text; an optional one may be missing, many of one are a list. A text that names no field
has nothing to write, and the answer says so.
"""

import random
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from expertbuild.data.generators import code_model as model
from expertbuild.data.generators.code_languages import cannot
from expertbuild.data.generators.code_languages import language as language_of
from expertbuild.data.generators.code_model import Field, Record, pascal
from expertbuild.data.generators.code_rows import SAID, form_of, row, said_of
from expertbuild.data.generators.phrases import Value, Voice, article, spoken
from expertbuild.data.rows import Row

NOTHING = "no fields are given"
OPTIONAL = 0.15
EMPTY = 0.04


def draw(rng: random.Random, words: str = "train", phrasings: str = "train", language: str = "python") -> Row:
    """One description with its type."""
    writer = language_of(language)
    record = model.record(rng, words, 2, 5, lists=0.2)
    record = replace(record, fields=tuple(_maybe(rng, field) for field in record.fields))
    record = replace(record, camel=language == "typescript")
    form = rng.choice(writer.FORMS)
    empty = rng.random() < EMPTY

    def write(voice: Voice) -> str:
        thing = record.name.replace("_", " ")
        scope: dict[str, Value] = {"form": form_of(writer, form, voice.chance(0.25)), "type": pascal(record.name)}
        said = pascal(record.name) if voice.chance(0.3) else thing
        scope |= {"thing": said, "A_thing": lambda _: _capital(voice, said)}
        scope |= {"fields": lambda _: _listed(voice, record.fields)}
        scope |= {"lines": lambda _: _lines(voice, record.fields)}
        return voice.say("nothing" if empty else "from_text", **scope)

    asked = spoken(SAID["text"], rng, phrasings, write)
    if empty:
        return row("types_from_text", language, asked, cannot(writer, NOTHING), "from text, nothing there")
    answer, tests = writer.declare(record, form), writer.type_tests(record, form)
    return row("types_from_text", language, asked, answer, f"from text, {_size(record)}", tests=tests)


def _maybe(rng: random.Random, field: Field) -> Field:
    return field if field.many or rng.random() >= OPTIONAL else replace(field, optional=True)


def _size(record: Record) -> str:
    return "2 or 3 fields" if len(record.fields) < 4 else "4 or 5 fields"


def _capital(voice: Voice, said: str) -> str:
    return f"{article(said).capitalize()} {said}"


def _field(voice: Voice, field: Field, end: str) -> str:
    what = (
        "many"
        if field.many
        else "optional"
        if field.optional
        else "flag"
        if field.kind == "flag" and not end
        else "one"
    )
    return voice.say(f"{what}{end}", **said_of(field), kind=voice.later(f"kind_{field.kind}"))


def _listed(voice: Voice, fields: Sequence[Field]) -> str:
    said = [_field(voice, field, "") for field in fields]
    return f"{', '.join(said[:-1])} and {said[-1]}"


def _lines(voice: Voice, fields: Sequence[Field]) -> str:
    mark = voice.rng.choice(("- ", "- ", "", "* "))
    one = partial(_field, voice, end="_line")
    return "\n".join(mark + one(field) for field in fields)
