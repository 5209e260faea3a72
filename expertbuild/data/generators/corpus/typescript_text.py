"""TypeScript snippets that parse: interfaces, types, functions, classes."""

import json
import random

from expertbuild.data.generators.documents import record
from expertbuild.data.generators.words import plural, thing, words


def sample(rng: random.Random) -> str:
    parts = [
        rng.choice((_interface, _union, _function, _arrow, _class, _constant))(rng) for _ in range(rng.randint(1, 2))
    ]
    return "\n\n".join(parts)


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def pascal(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))


def _fields(rng: random.Random) -> dict[str, str]:
    types = {
        "text_column": "string",
        "integer_column": "number",
        "real_column": "number",
        "flag_column": "boolean",
        "date_column": "Date",
    }
    made: dict[str, str] = {}
    for _ in range(rng.randint(2, 5)):
        kind = rng.choice(list(types))
        suffix = rng.choice(("", "", "", "[]", " | null"))
        made.setdefault(
            camel(rng.choice(words(kind))) + rng.choice(("", "", "", "?")),
            types[kind] + suffix,
        )
    return made


def _interface(rng: random.Random) -> str:
    body = "\n".join(f"  {name}: {kind};" for name, kind in _fields(rng).items())
    return f"{rng.choice(('export ', ''))}interface {pascal(thing(rng))} {{\n{body}\n}}"


def _union(rng: random.Random) -> str:
    options = " | ".join(f'"{word}"' for word in rng.sample(words("status"), rng.randint(2, 4)))
    return f"type {pascal(thing(rng))}Status = {options};"


def _function(rng: random.Random) -> str:
    one, verb = thing(rng), rng.choice(words("verb"))
    name, many = camel(one), camel(plural(one))
    attribute = camel(rng.choice(words("integer_column")))
    body = rng.choice(
        (
            f"return {many}.filter(({name}) => {name}.{attribute} > {rng.randint(0, 99)});",
            f"return {many}.map(({name}) => {name}.{attribute});",
            f"return {many}.length;",
            f"return {many}.reduce((sum, {name}) => sum + {name}.{attribute}, 0);",
        )
    )
    return f"function {camel(f'{verb}_{plural(one)}')}({many}: {pascal(one)}[]) {{\n  {body}\n}}"


def _arrow(rng: random.Random) -> str:
    a, b = rng.sample("abcdefgxyz", 2)
    return (
        f"const {camel(rng.choice(words('verb')))} = ({a}: number, {b}: number): number => {a} {rng.choice('+-*')} {b};"
    )


def _class(rng: random.Random) -> str:
    fields = {name.rstrip("?"): kind for name, kind in _fields(rng).items()}
    arguments = ", ".join(f"public {name}: {kind}" for name, kind in fields.items())
    first = next(iter(fields))
    return f"class {pascal(thing(rng))} {{\n  constructor({arguments}) {{}}\n\n  get{pascal(first)}() {{\n    return this.{first};\n  }}\n}}"


def _constant(rng: random.Random) -> str:
    return f"const {camel(thing(rng))} = {json.dumps(record(rng, fields=rng.randint(2, 4)), ensure_ascii=False)};"
