"""TypeScript, as code_model's records and functions are written in it, and the tests that tell whether others are the same."""

import json
from collections.abc import Sequence
from typing import Any

from expertbuild.data.generators.code_model import Field, Function, Record, camel, nested, pascal

NAME = "TypeScript"
MARK = "//"
FORMS = ("interface",)
BOX = ("{", "}")
SCALARS = {"text": "string", "integer": "number", "real": "number", "flag": "boolean", "unknown": "unknown"}
SLIPS = (
    ("function ", "def "),
    ("function ", "fn "),
    ("function ", "fucntion "),
    ("interface ", "struct "),
    ("interface ", "interfce "),
    ("return ", "retrun "),
    ("export ", "pub "),
    (" && ", " and "),
    (" || ", " or "),
    ("=> ", "-> "),
)
LOST = (")", "}", "(", "{", ":", '"', "=>", "]")

SAME = "type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;"


def name(word: str) -> str:
    return camel(word)


def type_of(field: Field) -> str:
    base = pascal(field.record.name) if field.record else SCALARS[field.kind]
    return f"{base}[]" if field.many else base


def declare(record: Record, form: str = "interface") -> str:
    return "\n\n".join(_one(each) for each in nested(record))


def _one(record: Record) -> str:
    lines = [
        f"  {record.key(field)}{'?' if field.optional else ''}: {type_of(field)}{' | null' if field.null else ''};"
        for field in record.fields
    ]
    return "\n".join([f"export interface {pascal(record.name)} {{", *lines, "}"])


def define(one: Function) -> str:
    of = pascal(one.record.name)
    kind = type_of(one.field) if one.field else ""
    item = f"item.{one.record.key(one.field)}" if one.field else ""
    where = f"(item) => {_where(one)}"
    order = f"(a, b) => {'b' if one.down else 'a'}{item[4:]} - {'a' if one.down else 'b'}{item[4:]}"
    total = f"reduce((sum, item) => sum + {item}, 0)"
    gives, body = {
        "filter": (f"{of}[]", f"items.filter({where})"),
        "map": (f"{kind}[]", f"items.map((item) => {item})"),
        "map where": (f"{kind}[]", f"items.filter({where}).map((item) => {item})"),
        "count": ("number", f"items.filter({where}).length"),
        "sum": (kind, f"items.{total}"),
        "sum where": (kind, f"items.filter({where}).{total}"),
        "any": ("boolean", f"items.some({where})"),
        "all": ("boolean", f"items.every({where})"),
        "find": (f"{of} | undefined", f"items.find({where})"),
        "sort": (f"{of}[]", f"[...items].sort({order})"),
    }[one.does]
    return f"export function {camel(one.name)}(items: {of}[]): {gives} {{\n  return {body};\n}}"


def _where(one: Function) -> str:
    found = []
    for test in one.tests:
        item = f"item.{one.record.key(test.field)}"
        if test.field.kind == "flag":
            found.append(item if test.value else f"!{item}")
        else:
            found.append(f"{item} {test.sign}{'=' if test.sign in ('==', '!=') else ''} {literal(test.value)}")
    return (" && " if one.joint == "and" else " || ").join(found)


def literal(value: Any) -> str:
    """A value as it is written: whole numbers without a point."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value, ensure_ascii=False)


def type_tests(record: Record, form: str = "interface") -> str:
    tests = [
        f"const same{number}: Same<{pascal(each.name)}, {_shape(each)}> = true;"
        for number, each in enumerate(nested(record))
    ]
    return "\n".join([SAME, *tests])


def _shape(record: Record) -> str:
    fields = "; ".join(
        f"{record.key(field)}{'?' if field.optional else ''}: {type_of(field)}{' | null' if field.null else ''}"
        for field in record.fields
    )
    return f"{{ {fields} }}"


def function_tests(one: Function, tried: Sequence[tuple[Sequence[Any], Any]]) -> str:
    of, called = pascal(one.record.name), camel(one.name)
    lines = ['const told = (value: unknown): string => JSON.stringify(value) ?? "undefined";']
    for given, expected in tried:
        items = [{one.record.key(field): item[field.name] for field in one.record.fields} for item in given]
        wanted = "undefined" if expected is None else _told(one.record, expected)
        made = f"{called}({json.dumps(items, ensure_ascii=False)} as {of}[])"
        lines.append(f"if (told({made}) !== told({wanted})) throw new Error(told({made}));")
    return "\n".join(lines)


def _told(record: Record, value: Any) -> str:
    if isinstance(value, dict):
        value = {record.key(field): value[field.name] for field in record.fields}
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list):
        return f"[{', '.join(_told(record, each) for each in value)}]"
    return literal(value)


def breaks(code: str, place: int, mark: str) -> bool:
    """Whether the code is broken without this mark, and can be mended in one way only: here, any of LOST."""
    return True
