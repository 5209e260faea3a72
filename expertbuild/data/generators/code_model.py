"""What small code is about, in no language: records with typed fields, and functions over a list of such records.

A language has a writer each (`code_python`, `code_typescript`, `code_rust`); what is asked and how stands in the tasks.
Names are held as the word lists have them, in snake_case, and spelled by the writer. `run` says what a function gives,
so that its tests know without any language being there.
"""

import operator
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from expertbuild.data.generators.words import plural, text_value, thing, words

SCALARS = ("text", "integer", "real", "flag")
NUMBERS = ("integer", "real")
# What one of the three languages keeps for itself, or what a type would hide from the code around it.
RESERVED = frozenset(
    [
        "abstract",
        "and",
        "any",
        "as",
        "assert",
        "async",
        "await",
        "become",
        "box",
        "break",
        "case",
        "catch",
        "class",
        "const",
        "continue",
        "copy",
        "crate",
        "debug",
        "def",
        "default",
        "del",
        "delete",
        "do",
        "dyn",
        "elif",
        "else",
        "enum",
        "except",
        "export",
        "extends",
        "extern",
        "false",
        "final",
        "finally",
        "fn",
        "for",
        "from",
        "function",
        "global",
        "if",
        "impl",
        "implements",
        "import",
        "in",
        "instanceof",
        "interface",
        "is",
        "lambda",
        "let",
        "list",
        "loop",
        "macro",
        "match",
        "mod",
        "module",
        "move",
        "mut",
        "new",
        "none",
        "nonlocal",
        "not",
        "null",
        "object",
        "option",
        "or",
        "override",
        "package",
        "pass",
        "priv",
        "private",
        "protected",
        "pub",
        "public",
        "raise",
        "ref",
        "result",
        "return",
        "self",
        "set",
        "some",
        "static",
        "str",
        "string",
        "struct",
        "super",
        "switch",
        "this",
        "throw",
        "trait",
        "true",
        "try",
        "type",
        "typeof",
        "union",
        "unsafe",
        "use",
        "var",
        "vec",
        "virtual",
        "void",
        "where",
        "while",
        "with",
        "yield",
    ]
)


@dataclass(frozen=True)
class Field:
    """One field: a scalar kind, "unknown", or "record"; `many` of it make a list."""

    name: str
    kind: str
    many: bool = False
    optional: bool = False  # may be missing
    null: bool = False  # is there, and may be null
    record: "Record | None" = None  # of kind "record"


@dataclass(frozen=True)
class Record:
    """A type with named fields."""

    name: str
    fields: tuple[Field, ...]
    camel: bool = False  # its documents spell keys in camelCase

    def key(self, field: Field) -> str:
        """A field as documents spell it."""
        return camel(field.name) if self.camel else field.name


@dataclass(frozen=True)
class Condition:
    """A field compared with a value; a flag only with true or false."""

    field: Field
    sign: str
    value: Any


@dataclass(frozen=True)
class Function:
    """What a function does with the records it is given: `does` is a key of OPERATIONS."""

    name: str
    record: Record
    does: str
    field: Field | None = None  # what is listed, summed, or sorted by
    tests: tuple[Condition, ...] = ()
    joint: str = "and"
    down: bool = False  # the largest first


Item = Mapping[str, Any]
SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}
# What a function may do: the kinds its field may have, and how many tests it makes.
OPERATIONS: dict[str, tuple[tuple[str, ...], tuple[int, ...]]] = {
    "filter": ((), (1, 1, 2)),
    "map": (SCALARS[:3], (0,)),
    "map where": (SCALARS[:3], (1,)),
    "count": ((), (1, 1, 2)),
    "sum": (NUMBERS, (0,)),
    "sum where": (NUMBERS, (1,)),
    "any": ((), (1,)),
    "all": ((), (1,)),
    "find": ((), (1,)),
    "sort": (NUMBERS, (0,)),
}


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def pascal(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))


def nested(record: Record) -> Iterator[Record]:
    """The records within, each before the one that has it, this one last."""
    for field in record.fields:
        if field.record is not None:
            yield from nested(field.record)
    yield record


def record(rng: random.Random, part: str, least: int = 2, most: int = 5, lists: float = 0.15) -> Record:
    """A record of scalars and lists of them."""
    name = _named(lambda: thing(rng, part))
    wanted = rng.randint(least, most)
    made: dict[str, Field] = {}
    while len(made) < wanted:
        field = _field(rng, part, lists)
        if field.name != name and field.name not in RESERVED:
            made.setdefault(field.name, field)
    return Record(name, tuple(made.values()))


def without(whole: Record, field: Field) -> Record:
    return replace(whole, fields=tuple(each for each in whole.fields if each != field))


def condition(rng: random.Random, part: str, field: Field) -> Condition:
    """A test of one field that somebody may want to make."""
    if field.kind == "flag":
        return Condition(field, "==", rng.random() < 0.7)
    if field.kind == "text":
        return Condition(field, rng.choice(("==", "==", "!=")), plain_text(rng, part, field.name))
    return Condition(field, rng.choices(list(SIGNS), (5, 5, 3, 3, 2, 1))[0], _number(rng, field.kind))


def function(rng: random.Random, part: str) -> Function:
    """A function and the record it is about."""
    while True:
        about = record(rng, part, 2, 4, lists=0.08)
        does = rng.choice(list(OPERATIONS))
        kinds, counts = OPERATIONS[does]
        fields = [field for field in about.fields if not field.many]
        able = [field for field in fields if field.kind in kinds]
        count = rng.choice(counts)
        if (kinds and not able) or len(fields) < count:
            continue
        tests = tuple(condition(rng, part, field) for field in rng.sample(fields, count))
        verb = _named(lambda: rng.choice(words(rng.choice(("verb", "adjective")), part)))
        return Function(
            f"{verb}_{plural(about.name)}",
            about,
            does,
            rng.choice(able) if kinds else None,
            tests,
            rng.choice(("and", "and", "or")),
            rng.random() < 0.5,
        )


def items(rng: random.Random, part: str, one: Function, count: int = 5) -> list[dict[str, Any]]:
    """Records to try a function on: values on each side of what it tests, so that a wrong one is found out."""
    return [
        {
            field.name: _value(rng, part, field, [test for test in one.tests if test.field == field])
            for field in one.record.fields
        }
        for _ in range(count)
    ]


def run(one: Function, given: Sequence[Item]) -> Any:
    """What the function gives: records stand as themselves, None where none is found."""
    kept = [item for item in given if _holds(one, item)]
    name = one.field.name if one.field else ""
    results: dict[str, Callable[[], Any]] = {
        "filter": lambda: kept,
        "map": lambda: [item[name] for item in given],
        "map where": lambda: [item[name] for item in kept],
        "count": lambda: len(kept),
        "sum": lambda: sum(item[name] for item in given),
        "sum where": lambda: sum(item[name] for item in kept),
        "any": lambda: bool(kept),
        "all": lambda: len(kept) == len(given),
        "find": lambda: kept[0] if kept else None,
        "sort": lambda: sorted(given, key=lambda item: item[name], reverse=one.down),
    }
    return results[one.does]()


def tried(rng: random.Random, part: str, one: Function) -> list[tuple[list[dict[str, Any]], Any]]:
    """Some lists of records with what the function gives on each: the empty one, and several that tell much."""
    made: list[tuple[list[dict[str, Any]], Any]] = [([], run(one, []))]
    for _ in range(40):
        given = items(rng, part, one)
        if one.tests and not 0 < sum(_holds(one, item) for item in given) < len(given):
            continue
        if one.does == "sort" and one.field and len({item[one.field.name] for item in given}) < len(given):
            continue  # which of two equal ones comes first is nobody's business
        made.append((given, run(one, given)))
        if len(made) == 4:
            break
    return made + [([item], run(one, [item])) for item in _edges(rng, part, one)]


def _edges(rng: random.Random, part: str, one: Function) -> Iterator[dict[str, Any]]:
    """For each test, records at its edge and beside it, where the other tests leave the decision to it."""
    for test in one.tests:
        others = replace(one, tests=tuple(each for each in one.tests if each != test))
        for value in _around(rng, part, test):
            item = items(rng, part, one, 1)[0]
            for _ in range(20):
                if not others.tests or _holds(others, item) == (one.joint == "and"):
                    break
                item = items(rng, part, one, 1)[0]
            yield item | {test.field.name: value}


def _around(rng: random.Random, part: str, test: Condition) -> tuple[Any, ...]:
    if test.field.kind == "flag":
        return (True, False)
    if test.field.kind == "text":
        return (test.value, f"{plain_text(rng, part, test.field.name)} {test.value}")
    return (test.value, test.value + 1, test.value - 1)


def plain_text(rng: random.Random, part: str, name: str = "") -> str:
    """A text that every language quotes in the same way."""
    return text_value(rng, part, name).replace('"', "").replace("\\", "")


def _holds(one: Function, item: Item) -> bool:
    found = [SIGNS[test.sign](item[test.field.name], test.value) for test in one.tests]
    return any(found) if one.joint == "or" and found else all(found)


def _field(rng: random.Random, part: str, lists: float) -> Field:
    if rng.random() < lists:
        kind = rng.choice(("text", "text", "integer", "real"))
        return Field(plural(rng.choice(words("thing", part))), kind, many=True)
    kind = rng.choices(SCALARS, (5, 3, 3, 2))[0]
    return Field(rng.choice(words(f"{kind}_column", part)), kind)


def _named(draw: Callable[[], str]) -> str:
    while True:
        name = draw()
        if name not in RESERVED:
            return name


def _number(rng: random.Random, kind: str) -> int | float:
    """Quarters where it is no whole number: their sums are the same in every language."""
    whole = rng.choice((rng.randint(1, 9), rng.randint(10, 99), rng.randint(100, 900)))
    if kind == "integer":
        return whole
    return whole + rng.choice((0.0, 0.25, 0.5, 0.75, 0.5))


def _value(rng: random.Random, part: str, field: Field, tests: Iterable[Condition]) -> Any:
    def one() -> Any:
        near = [test.value for test in tests]
        if field.kind == "flag":
            return rng.random() < 0.5
        if field.kind == "text":
            return rng.choice([*near, plain_text(rng, part, field.name)])
        if near and rng.random() < 0.6:
            return max(0, near[0] + rng.choice((-1, 0, 1)) * rng.choice((1, 2))) + (
                0 if field.kind == "integer" else 0.0
            )
        return _number(rng, field.kind)

    return [one() for _ in range(rng.randint(0, 2))] if field.many else one()
