"""Rust snippets that parse: structs, enums, functions, implementations."""

import random

from expertbuild.data.generators.corpus.typescript_text import pascal
from expertbuild.data.generators.words import plural, thing, words

_KEYWORDS = {
    "type",
    "move",
    "match",
    "mod",
    "loop",
    "trait",
    "use",
    "box",
    "final",
    "try",
    "abstract",
    "override",
}


def sample(rng: random.Random) -> str:
    parts = [rng.choice((_struct, _enum, _function, _implementation, _match))(rng) for _ in range(rng.randint(1, 2))]
    return "\n\n".join(parts)


def _safe(name: str) -> str:
    return f"{name}_" if name in _KEYWORDS else name


def _fields(rng: random.Random) -> dict[str, str]:
    types = {
        "text_column": ("String",),
        "integer_column": ("i32", "u32", "i64", "usize"),
        "real_column": ("f64", "f32"),
        "flag_column": ("bool",),
    }
    made: dict[str, str] = {}
    for _ in range(rng.randint(2, 5)):
        kind = rng.choice(list(types))
        one = rng.choice(types[kind])
        made.setdefault(
            _safe(rng.choice(words(kind))),
            rng.choice((one, one, one, f"Option<{one}>", f"Vec<{one}>")),
        )
    return made


def _struct(rng: random.Random) -> str:
    body = "\n".join(f"    pub {name}: {kind}," for name, kind in _fields(rng).items())
    derive = rng.choice(("#[derive(Debug, Clone)]\n", "#[derive(Debug)]\n", ""))
    return f"{derive}pub struct {pascal(thing(rng))} {{\n{body}\n}}"


def _enum(rng: random.Random) -> str:
    body = "\n".join(f"    {word.capitalize()}," for word in rng.sample(words("status"), rng.randint(2, 4)))
    return f"enum {pascal(thing(rng))}Status {{\n{body}\n}}"


def _function(rng: random.Random) -> str:
    verb, one = _safe(rng.choice(words("verb"))), _safe(thing(rng))
    many = plural(one)
    return rng.choice(
        (
            f"fn {verb}_{one}(a: i32, b: i32) -> i32 {{\n    a {rng.choice('+-*')} b\n}}",
            f"fn {verb}_{many}({many}: &[i32]) -> i32 {{\n    {many}.iter().sum()\n}}",
            f"fn {verb}_{many}({many}: &[i32]) -> Option<&i32> {{\n    {many}.iter().{rng.choice(('max', 'min'))}()\n}}",
            f"fn {verb}_{one}({one}: &str) -> String {{\n    {one}.{rng.choice(('to_uppercase', 'to_lowercase'))}()\n}}",
            f"fn {verb}_{many}({many}: Vec<i32>) -> Vec<i32> {{\n    {many}.into_iter().filter(|x| *x > {rng.randint(0, 99)}).collect()\n}}",
        )
    )


def _implementation(rng: random.Random) -> str:
    name = pascal(thing(rng))
    field, kind = next(iter(_fields(rng).items()))
    return f"impl {name} {{\n    pub fn {field}(&self) -> &{kind} {{\n        &self.{field}\n    }}\n}}"


def _match(rng: random.Random) -> str:
    name = _safe(thing(rng))
    arms = "\n".join(
        f'        {n} => "{word}",' for n, word in enumerate(rng.sample(words("status"), rng.randint(2, 4)))
    )
    return f'fn {name}_name({name}: u32) -> &\'static str {{\n    match {name} {{\n{arms}\n        _ => "other",\n    }}\n}}'
