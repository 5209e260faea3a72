"""Copying: text that has to be said again, whole or in part, near or far.

Nothing helps a small model more with every later task than to be able to repeat a word it has
never seen, so this field uses invented words, codes and whole documents of every other field.
"""

import json
import random

from expertbuild.data.generators.documents import document, field
from expertbuild.data.generators.tables import schema
from expertbuild.data.generators.words import (
    code,
    date,
    full_name,
    invented,
    plural,
    text_value,
    thing,
    words,
)

_REPEAT = (
    "Repeat this",
    "Say this again",
    "Copy the text",
    "Write the same text",
    "Echo",
    "Repeat after me",
    "Give the text back unchanged",
    "Copy exactly",
    "Print this as it is",
)


def sample(rng: random.Random) -> str | list[dict[str, str]]:
    return rng.choices(
        (_repeat_chat, _repeat_plain, _dictionary, _lookup_chat, _part, _induction),
        (5, 2, 3, 4, 3, 2),
    )[0](rng)


def snippet(rng: random.Random) -> str:
    """A short text of any kind."""
    choice = rng.random()
    if choice < 0.2:
        return json.dumps(document(rng, size=rng.randint(2, 6)), ensure_ascii=False)
    if choice < 0.3:
        return " ".join(table.ddl() for table in schema(rng, tables=rng.choice((1, 1, 2))))
    if choice < 0.42:
        return " ".join(invented(rng) for _ in range(rng.randint(2, 10)))
    if choice < 0.5:
        return " ".join(code(rng) for _ in range(rng.randint(1, 6)))
    if choice < 0.6:
        return ", ".join(f"{name}: {_plain(value)}" for name, value in (field(rng) for _ in range(rng.randint(2, 6))))
    if choice < 0.68:
        return (
            "".join(rng.choice("()[]{}<>\"':;,.=+-*/_| abcxyz0189") for _ in range(rng.randint(5, 40))).strip() or "{}"
        )
    if choice < 0.8:
        return sentence(rng)
    return " ".join(text_value(rng) for _ in range(rng.randint(2, 8)))


def sentence(rng: random.Random) -> str:
    who = full_name(rng) if rng.random() < 0.5 else rng.choice(words("person"))
    things = plural(thing(rng)).replace("_", " ")
    where = rng.choice(words("city"))
    verb = rng.choice(words("verb"))
    return rng.choice(
        (
            f"{who} wants to {verb} {rng.randint(2, 90)} {rng.choice(words('adjective'))} {things} in {where}.",
            f"In {where}, {who} likes to {verb} the {things} on {date(rng)}.",
            f"The {rng.choice(words('color'))} {thing(rng).replace('_', ' ')} of {who} came from {where}.",
            f"{who} and {rng.choice(words('person'))} {verb} {things} with {invented(rng)}.",
        )
    )


def turns(user: str, assistant: str) -> list[dict[str, str]]:
    return [
        {"role": "user", "content": user},
        {"role": "assistant", "content": assistant},
    ]


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _repeat_chat(rng: random.Random) -> list[dict[str, str]]:
    text = snippet(rng)
    joint = rng.choice((": ", ":\n", "\n", "\n\n", " - "))
    if rng.random() < 0.2:
        return turns(f"{text}\n{rng.choice(_REPEAT)}.", text)
    return turns(f"{rng.choice(_REPEAT)}{joint}{text}", text)


def _repeat_plain(rng: random.Random) -> str:
    text = snippet(rng)
    return "\n".join([text] * rng.randint(2, 3))


def _pairs(rng: random.Random) -> list[tuple[str, str]]:
    kinds = (invented, code, full_name, text_value, thing)
    left, right = rng.choice(kinds), rng.choice(kinds)
    made: dict[str, str] = {}
    for _ in range(rng.randint(3, 10)):
        made.setdefault(left(rng), str(rng.randint(0, 999)) if rng.random() < 0.3 else right(rng))
    return list(made.items())


def _dictionary(rng: random.Random) -> str:
    """A list of pairs, then some of them again in another order."""
    pairs = _pairs(rng)
    mark = rng.choice((" = ", ": ", " -> ", " | ", "=", " is "))
    again = rng.sample(pairs, rng.randint(1, len(pairs)))
    return "\n".join(f"{key}{mark}{value}" for key, value in pairs + again)


def _lookup_chat(rng: random.Random) -> list[dict[str, str]]:
    pairs = _pairs(rng)
    mark = rng.choice((" = ", ": ", " -> ", " | ", "="))
    listing = rng.choice(("\n", "; ", ", ")).join(f"{key}{mark}{value}" for key, value in pairs)
    key, value = rng.choice(pairs)
    choice = rng.random()
    if choice < 0.5:
        asked = rng.choice(
            (
                "What belongs to {}?",
                "Value of {}?",
                "{}?",
                "Look up {}.",
                "Which value has {}?",
            )
        )
        return turns(f"{listing}\n{asked.format(key)}", value)
    if choice < 0.7 and [v for _, v in pairs].count(value) == 1:
        asked = rng.choice(("Which key has {}?", "What does {} belong to?", "Whose value is {}?"))
        return turns(f"{listing}\n{asked.format(value)}", key)
    some = rng.sample(pairs, min(len(pairs), rng.randint(2, 4)))
    names = ", ".join(key for key, _ in some)
    return turns(f"{listing}\nGive the values of {names}.", ", ".join(value for _, value in some))


def _part(rng: random.Random) -> list[dict[str, str]]:
    """One piece of a list: first, last, after, before, without."""
    kinds = (invented, code, text_value, thing)
    kind = rng.choice(kinds)
    items = list(dict.fromkeys(kind(rng) for _ in range(rng.randint(3, 8))))
    listing = rng.choice((", ", "\n", " ", " | ") if kind is not text_value else (", ", "\n", " | ")).join(items)
    spot = rng.randrange(len(items) - 1) if len(items) > 1 else 0
    if len(items) < 2:
        return turns(f"Repeat: {listing}", listing)
    ask, answer = rng.choice(
        (
            ("What is the first item?", items[0]),
            ("What is the last item?", items[-1]),
            (f"What comes after {items[spot]}?", items[spot + 1]),
            (f"What comes before {items[spot + 1]}?", items[spot]),
            ("How many items are there?", str(len(items))),
            (f"Leave out {items[spot]}.", ", ".join(items[:spot] + items[spot + 1 :])),
            ("Reverse the list.", ", ".join(items[::-1])),
            ("Write one item per line.", "\n".join(items)),
            (
                "Number the items.",
                "\n".join(f"{n}. {item}" for n, item in enumerate(items, 1)),
            ),
            (f"Put {items[spot]} in quotes.", f'"{items[spot]}"'),
        )
    )
    return turns(f"{listing}\n{ask}", answer)


def _induction(rng: random.Random) -> str:
    """A few lines of one made-up pattern, so that the pattern itself has to be read off."""
    before, after = rng.choice("([{<'\"*#@"), rng.choice(")]}>'\"*#@")
    joint = rng.choice((" ", ": ", "=", "/", "-", " => "))
    fixed = invented(rng)
    lines = []
    for _ in range(rng.randint(3, 7)):
        word = rng.choice((invented, thing, code))(rng)
        lines.append(rng.choice((word,)) + joint + before + word + after + (f" {fixed}" if len(fixed) % 2 else ""))
    return "\n".join(lines)
