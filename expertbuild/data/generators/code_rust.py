"""Rust, as code_model's records and functions are written in it, and the tests that tell whether others are the same.

Structs that documents are read into derive serde's traits; where the document spells keys in camelCase, so does serde.
"""

import json
from collections.abc import Sequence
from typing import Any

from expertbuild.data.generators.code_model import Field, Function, Record, nested, pascal

NAME = "Rust"
MARK = "//"
FORMS = ("struct",)
BOX = ("{", "}")
SCALARS = {"text": "String", "integer": "i64", "real": "f64", "flag": "bool", "unknown": "serde_json::Value"}
SLIPS = (
    ("fn ", "def "),
    ("fn ", "function "),
    ("fn ", "func "),
    ("struct ", "class "),
    ("struct ", "strcut "),
    ("pub ", "public "),
    (" && ", " and "),
    (" || ", " or "),
    (" -> ", " => "),
    (" == ", " === "),
    ("use ", "import "),
)
LOST = (")", "}", "(", "{", ":", '"', ">", "|")
COPIED = ("integer", "real", "flag")


def name(word: str) -> str:
    return word


def type_of(field: Field) -> str:
    base = pascal(field.record.name) if field.record else SCALARS[field.kind]
    base = f"Vec<{base}>" if field.many else base
    return f"Option<{base}>" if field.optional or field.null else base


def declare(record: Record, form: str = "serde struct") -> str:
    """The struct and those within it; as "serde struct" they can be read from documents."""
    if form == "struct":
        return "\n\n".join(_one(each, "Debug, Clone, PartialEq") for each in nested(record))
    derived = "Debug, Clone, Serialize, Deserialize"
    return "\n\n".join(["use serde::{Deserialize, Serialize};", *(_one(each, derived) for each in nested(record))])


def _one(record: Record, derived: str) -> str:
    lines = [f"#[derive({derived})]"]
    lines += ['#[serde(rename_all = "camelCase")]'] if renamed(record) else []
    lines += [f"pub struct {pascal(record.name)} {{"]
    lines += [f"    pub {field.name}: {type_of(field)}," for field in record.fields]
    return "\n".join([*lines, "}"])


def renamed(record: Record) -> bool:
    """Whether documents spell some key of this record otherwise than Rust does."""
    return any(record.key(field) != field.name for field in record.fields)


def define(one: Function) -> str:
    of = pascal(one.record.name)
    kind = type_of(one.field) if one.field else ""
    item = f"item.{one.field.name}" if one.field else ""
    copied = item if one.field and one.field.kind in COPIED else f"{item}.clone()"
    where = f"|item| {_where(one)}"
    gives, body = {
        "filter": (f"Vec<{of}>", f"items.iter().filter({where}).cloned().collect()"),
        "map": (f"Vec<{kind}>", f"items.iter().map(|item| {copied}).collect()"),
        "map where": (f"Vec<{kind}>", f"items.iter().filter({where}).map(|item| {copied}).collect()"),
        "count": ("usize", f"items.iter().filter({where}).count()"),
        "sum": (kind, f"items.iter().map(|item| {item}).sum()"),
        "sum where": (kind, f"items.iter().filter({where}).map(|item| {item}).sum()"),
        "any": ("bool", f"items.iter().any({where})"),
        "all": ("bool", f"items.iter().all({where})"),
        "find": (f"Option<&{of}>", f"items.iter().find({where})"),
        "sort": (f"Vec<{of}>", _sorted(one) if one.does == "sort" else ""),
    }[one.does]
    return f"pub fn {one.name}(items: &[{of}]) -> {gives} {{\n    {body}\n}}"


def _sorted(one: Function) -> str:
    assert one.field
    first, second = ("b", "a") if one.down else ("a", "b")
    compared = "total_cmp" if one.field.kind == "real" else "cmp"
    by = f"|a, b| {first}.{one.field.name}.{compared}(&{second}.{one.field.name})"
    return f"let mut sorted = items.to_vec();\n    sorted.sort_by({by});\n    sorted"


def _where(one: Function) -> str:
    found = []
    for test in one.tests:
        item = f"item.{test.field.name}"
        if test.field.kind == "flag":
            found.append(item if test.value else f"!{item}")
        else:
            found.append(f"{item} {test.sign} {literal(test.value)}")
    return (" && " if one.joint == "and" else " || ").join(found)


def literal(value: Any) -> str:
    """A value as it is written: what is no whole number always has its point."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def type_tests(record: Record, form: str = "serde struct") -> str:
    """Functions that compile only where each struct has these fields, each of its type, and no other."""
    lines = []
    for number, each in enumerate(nested(record)):
        called, names = pascal(each.name), ", ".join(field.name for field in each.fields)
        lines.append(f"fn same{number}(value: {called}) {{\n    let {called} {{ {names} }} = value;")
        lines += [f"    let _: {type_of(field)} = {field.name};" for field in each.fields]
        lines.append("}")
    return "\n".join(lines)


def function_tests(one: Function, tried: Sequence[tuple[Sequence[Any], Any]]) -> str:
    of = pascal(one.record.name)
    lines = ["fn main() {"]
    for given, expected in tried:
        kind = f"[{of}; {len(given)}]"
        lines.append(f"    let items: {kind} = [{', '.join(_made(one.record, item) for item in given)}];")
        lines.append(f"    assert!({one.name}(&items) == {_told(one, expected)});")
    return "\n".join([*lines, "}"])


def _told(one: Function, value: Any) -> str:
    if one.does == "find":
        return "None" if value is None else f"Some(&{_made(one.record, value)})"
    if isinstance(value, list):
        kind = type_of(one.field) if one.does.startswith("map") and one.field else pascal(one.record.name)
        made = [_made(one.record, each) if isinstance(each, dict) else _owned(each) for each in value]
        return f"Vec::<{kind}>::from([{', '.join(made)}])"
    if one.field and one.field.kind == "real":
        return literal(float(value))
    return literal(value)


def _made(record: Record, item: Any) -> str:
    fields = []
    for field in record.fields:
        value = item[field.name]
        written = f"vec![{', '.join(map(_owned, value))}]" if field.many else _owned(value)
        fields.append(f"{field.name}: {written}")
    return f"{pascal(record.name)} {{ {', '.join(fields)} }}"


def _owned(value: Any) -> str:
    return f"{literal(value)}.to_string()" if isinstance(value, str) else literal(value)


def breaks(code: str, place: int, mark: str) -> bool:
    """Whether the code is broken without this mark, and can be mended in one way only."""
    if mark == ":" and (code[place - 1] == ":" or code[place + 1] == ":"):
        return False
    if mark == "|":
        return code[place - 1].isalpha()  # the second bar of a closure: without the first, it is an "or" of bits
    return mark != ">" or (code[place - 1] not in "-=" and code[place + 1 : place + 2] not in ("=", " "))
