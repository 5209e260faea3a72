"""Python, as code_model's records and functions are written in it, and the tests that tell whether others are the same.

Records are dataclasses whose fields are given by name, so that what may be missing stands where it stands; documents
may be TypedDicts instead, whose keys are theirs.
"""

import json
from collections.abc import Sequence
from typing import Any

from expertbuild.data.generators.code_model import Field, Function, Record, nested, pascal

NAME = "Python"
MARK = "#"
FORMS = ("dataclass", "TypedDict")
BOX = ("[", "]")
SCALARS = {"text": "str", "integer": "int", "real": "float", "flag": "bool", "unknown": "Any"}
# What people write who think of another language: (right, wrong).
SLIPS = (
    ("def ", "function "),
    ("def ", "fn "),
    ("class ", "struct "),
    ("class ", "calss "),
    ("return ", "retrun "),
    (" and ", " && "),
    (" or ", " || "),
    (" == ", " === "),
    (" for ", " foreach "),
    ("import ", "improt "),
    (" -> ", " => "),
)
LOST = (")", "]", ":", "(", "[", '"', ",")


def name(word: str) -> str:
    """A function's name."""
    return word


def type_of(field: Field) -> str:
    base = pascal(field.record.name) if field.record else SCALARS[field.kind]
    return f"list[{base}]" if field.many else base


def declare(record: Record, form: str = "dataclass") -> str:
    """The record and those within it, with what they import."""
    fields = [field for each in nested(record) for field in each.fields]
    typing = ["Any"] if any(field.kind == "unknown" for field in fields) else []
    if form == "TypedDict":
        typing += ["NotRequired"] if any(field.optional for field in fields) else []
        typing += ["TypedDict"]
    lines = ["from dataclasses import dataclass"] if form == "dataclass" else []
    lines += [f"from typing import {', '.join(typing)}"] if typing else []
    return "\n\n\n".join(["\n".join(lines), *(_one(each, form) for each in nested(record))])


def _one(record: Record, form: str) -> str:
    if form == "TypedDict":
        head = f"class {pascal(record.name)}(TypedDict):"
    else:
        head = f"@dataclass(kw_only=True)\nclass {pascal(record.name)}:"
    return "\n".join([head, *(f"    {record.key(field)}: {_typed(field, form)}" for field in record.fields)])


def _typed(field: Field, form: str) -> str:
    base = type_of(field) + (" | None" if field.null else "")
    if not field.optional:
        return base
    if form == "TypedDict":
        return f"NotRequired[{base}]"
    return f"{base} = None" if field.null else f"{base} | None = None"


def define(one: Function) -> str:
    of = pascal(one.record.name)
    kind = type_of(one.field) if one.field else ""
    item, where = (f"item.{one.field.name}" if one.field else ""), _where(one)
    gives, body = {
        "filter": (f"list[{of}]", f"[item for item in items if {where}]"),
        "map": (f"list[{kind}]", f"[{item} for item in items]"),
        "map where": (f"list[{kind}]", f"[{item} for item in items if {where}]"),
        "count": ("int", f"sum(1 for item in items if {where})"),
        "sum": (kind, f"sum({item} for item in items)"),
        "sum where": (kind, f"sum({item} for item in items if {where})"),
        "any": ("bool", f"any({where} for item in items)"),
        "all": ("bool", f"all({where} for item in items)"),
        "find": (f"{of} | None", f"next((item for item in items if {where}), None)"),
        "sort": (f"list[{of}]", f"sorted(items, key=lambda item: {item}{', reverse=True' if one.down else ''})"),
    }[one.does]
    return f"def {one.name}(items: list[{of}]) -> {gives}:\n    return {body}"


def _where(one: Function) -> str:
    found = []
    for test in one.tests:
        item = f"item.{test.field.name}"
        if test.field.kind == "flag":
            found.append(item if test.value else f"not {item}")
        else:
            found.append(f"{item} {test.sign} {literal(test.value)}")
    return f" {one.joint} ".join(found)


def literal(value: Any) -> str:
    """A value as it is written: texts in double quotes."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def type_tests(record: Record, form: str = "dataclass") -> str:
    """Code that fails unless the types that stand before it are the ones that were meant."""
    lines = ["import dataclasses, typing"]
    for each in nested(record):
        called = pascal(each.name)
        hints = ", ".join(f"{json.dumps(each.key(field))}: {_hint(field, form)}" for field in each.fields)
        lines.append(f"assert typing.get_type_hints({called}) == {{{hints}}}")
        needed = ", ".join(json.dumps(each.key(field)) for field in each.fields if not field.optional)
        if form == "TypedDict":
            lines.append(f"assert sorted({called}.__required_keys__) == sorted([{needed}])")
        else:
            lines.append(f"assert dataclasses.is_dataclass({called})")
            lines.append(
                f"assert sorted(f.name for f in dataclasses.fields({called}) if f.default is dataclasses.MISSING)"
                f" == sorted([{needed}])"
            )
    return "\n".join(lines)


def _hint(field: Field, form: str) -> str:
    base = type_of(field).replace("Any", "typing.Any")
    return f"{base} | None" if field.null or (field.optional and form == "dataclass") else base


def function_tests(one: Function, tried: Sequence[tuple[Sequence[Any], Any]]) -> str:
    of = pascal(one.record.name)
    lines = []
    for given, expected in tried:
        made = ", ".join(_made(of, item) for item in given)
        lines.append(f"assert {one.name}([{made}]) == {_told(of, expected)}")
    return "\n".join(lines)


def _told(of: str, value: Any) -> str:
    if isinstance(value, dict):
        return _made(of, value)
    if isinstance(value, list):
        return f"[{', '.join(_told(of, each) for each in value)}]"
    return literal(value)


def _made(of: str, item: Any) -> str:
    return f"{of}({', '.join(f'{key}={literal(value)}' for key, value in item.items())})"


def breaks(code: str, place: int, mark: str) -> bool:
    """Whether the code is broken without this mark, and can be mended in one way only."""
    if mark == ",":
        return code[place + 1 : place + 2] == " " and "def " not in code[place:]
    if mark == ":":
        return code[place + 1 : place + 2] in ("\n", " ") and not code[:place].endswith("lambda item")
    return True
