"""The task "write this function": a type and what the function does with a list of such records, and the function.

Its name is told, what it takes is always called `items`, and its tests run it on lists that tell right from nearly
right. A question about a field that the type does not have cannot be answered, and the answer says which.
"""

import random
from dataclasses import replace
from types import ModuleType

from expertbuild.data.generators import code_model as model
from expertbuild.data.generators.code_languages import cannot
from expertbuild.data.generators.code_languages import language as language_of
from expertbuild.data.generators.code_model import Condition, Function, pascal
from expertbuild.data.generators.code_rows import SAID, row, said_of
from expertbuild.data.generators.phrases import Value, Voice, spoken
from expertbuild.data.generators.words import plural
from expertbuild.data.rows import Row

ABSENT = 0.07
SIGNS = {">": "gt", "<": "lt", ">=": "ge", "<=": "le", "==": "eq", "!=": "ne"}
STRATA = {
    **dict.fromkeys(("filter", "find"), "function, filter"),
    **dict.fromkeys(("map", "map where"), "function, list"),
    **dict.fromkeys(("count", "sum", "sum where"), "function, number"),
    **dict.fromkeys(("any", "all"), "function, yes or no"),
    "sort": "function, sort",
}


def draw(rng: random.Random, words: str = "train", phrasings: str = "train", language: str = "python") -> Row:
    """One function with what it is about."""
    writer = language_of(language)
    one = model.function(rng, words)
    one = replace(one, record=replace(one.record, camel=language == "typescript"))
    used = [*([one.field] if one.field else []), *(test.field for test in one.tests)]
    lost = rng.choice(used) if rng.random() < ABSENT and len(one.record.fields) > 2 else None
    record = model.without(one.record, lost) if lost else one.record
    code = writer.declare(record, _form(writer))

    def write(voice: Voice) -> str:
        does = voice.later(*_does(one), **_scope(voice, one))
        return voice.say("function", code=code, fn=writer.name(one.name), does=does)

    asked = spoken(SAID["function"], rng, phrasings, write)
    if lost:
        why = f"{pascal(record.name)} has no field {record.key(lost)}"
        return row("text_to_function", language, asked, cannot(writer, why), "function, no such field")
    tests = writer.function_tests(one, model.tried(rng, words, one))
    return row("text_to_function", language, asked, writer.define(one), STRATA[one.does], before=code, tests=tests)


def _form(writer: ModuleType) -> str:
    return str(writer.FORMS[0])


def _does(one: Function) -> tuple[str]:
    """The set of phrases for what it does."""
    if one.does == "sort":
        return ("sort_down" if one.down else "sort_up",)
    return (one.does.replace(" ", "_"),)


def _scope(voice: Voice, one: Function) -> dict[str, Value]:
    scope: dict[str, Value] = {"things": plural(one.record.name).replace("_", " ")}
    if one.field:
        scope |= said_of(one.field)
    if one.tests:
        scope["where"] = _where(voice, one)
    return scope


def _where(voice: Voice, one: Function) -> Value:
    said = [_test(voice, test) for test in one.tests]
    if len(said) == 1:
        return said[0]
    return voice.later("both" if one.joint == "and" else "either", x=said[0], y=said[1])


def _test(voice: Voice, test: Condition) -> Value:
    col = said_of(test.field)
    if test.field.kind == "flag":
        return voice.later("where_yes" if test.value else "where_no", **col)
    if isinstance(test.value, str):
        said = f'"{test.value}"' if voice.chance(0.7) else f"'{test.value}'"
    else:
        said = f"{test.value:g}"
    return voice.later(f"where_{SIGNS[test.sign]}", **col, v=said)
