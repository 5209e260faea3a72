"""Python snippets that parse: small functions, classes, comprehensions, tests."""

import random
from keyword import iskeyword

from expertbuild.data.generators.documents import record
from expertbuild.data.generators.words import plural, thing, words


def sample(rng: random.Random) -> str:
    parts = [
        rng.choice((_function, _loop, _dataclass, _mapping, _condition, _check))(rng) for _ in range(rng.randint(1, 2))
    ]
    return "\n\n".join(parts)


def _names(rng: random.Random) -> tuple[str, str, str]:
    one = thing(rng)
    return _safe(rng.choice(words("verb"))), _safe(one), _safe(plural(one))


def _safe(word: str) -> str:
    """The word as Python lets one name something."""
    return f"{word}_" if iskeyword(word) else word


def _function(rng: random.Random) -> str:
    verb, one, many = _names(rng)
    attribute = rng.choice(words("integer_column"))
    a, b = rng.sample("abcdefghkmnpqrstuvwxyz", 2)
    sign = rng.choice("+-*")
    name, *lines = rng.choice(
        (
            [
                f"{verb}_{many}({many}: list[int]) -> int:",
                f"return {rng.choice(('sum', 'max', 'min', 'len'))}({many})",
            ],
            [f"{verb}_{one}({a}: int, {b}: int) -> int:", f"return {a} {sign} {b}"],
            [
                f"{verb}_{many}({many}):",
                f"return [{one} for {one} in {many} if {one}.{attribute} > {rng.randint(0, 99)}]",
            ],
            [
                f"{verb}_{many}({many}):",
                f"return sorted({many}, key=lambda {one}: {one}.{attribute}, reverse={rng.random() < 0.5})",
            ],
            [
                f"is_{rng.choice(words('adjective'))}({one}: str) -> bool:",
                f"return {one} == {one}[::-1]",
            ],
            [
                f"{verb}_{one}({one}: str) -> str:",
                f"return {one}.{rng.choice(('upper', 'lower', 'strip', 'title'))}()",
            ],
        )
    )
    doc = f'    """{verb.capitalize()} the {one.replace("_", " ")}."""\n' if rng.random() < 0.4 else ""
    return f"def {name}\n{doc}    " + "\n    ".join(lines)


def _loop(rng: random.Random) -> str:
    verb, one, many = _names(rng)
    attribute = rng.choice(words("real_column"))
    return (
        f"def {verb}_{attribute}({many}):\n    total = 0\n    for {one} in {many}:\n"
        f"        if {one}[{attribute!r}] {rng.choice(('>', '<', '>='))} {rng.randint(0, 50)}:\n"
        f"            total += {one}[{attribute!r}]\n    return total"
    )


def _dataclass(rng: random.Random) -> str:
    one = "".join(word.capitalize() for word in thing(rng).split("_"))
    types = {
        "text_column": "str",
        "integer_column": "int",
        "real_column": "float",
        "flag_column": "bool",
    }
    fields: dict[str, str] = {}
    for _ in range(rng.randint(2, 5)):
        kind = rng.choice(list(types))
        fields.setdefault(rng.choice(words(kind)), types[kind])
    return f"@dataclass\nclass {one}:\n" + "\n".join(f"    {name}: {kind}" for name, kind in fields.items())


def _mapping(rng: random.Random) -> str:
    one = thing(rng)
    return f"{one} = {record(rng, fields=rng.randint(2, 4))!r}\nprint({one})"


def _condition(rng: random.Random) -> str:
    verb, one, _ = _names(rng)
    low, high = sorted(rng.sample(range(100), 2))
    first, second, third = rng.sample(words("status"), 3)
    return (
        f"def {verb}_{one}({one}: int) -> str:\n    if {one} < {low}:\n        return {first!r}\n"
        f"    elif {one} < {high}:\n        return {second!r}\n    return {third!r}"
    )


def _check(rng: random.Random) -> str:
    a, b = rng.randint(0, 20), rng.randint(0, 20)
    name = _safe(rng.choice(words("verb")))
    return f"def {name}(a, b):\n    return a + b\n\nassert {name}({a}, {b}) == {a + b}"
