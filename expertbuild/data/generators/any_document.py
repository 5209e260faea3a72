"""JSON documents of every kind that there is, not only records: lists, empty ones, single values, strings of all sorts.

`documents` writes what an application stores; people also paste `[1, 2]`, `{}`, an address with a query in it, a sentence,
or text with escapes. The base's corpus keeps to `documents`.
"""

import random
import string
from typing import Any

from expertbuild.data.generators.documents import decimal, field, key, number
from expertbuild.data.generators.words import date, full_name, thing, words

Json = Any

DEEPEST = 4
_LETTERS = "éèüñöçåøßłžœ"
_OTHERS = ("日本", "Привет", "你好", "Ωμέγα", "שלום", "🙂", "🚀", "→", "€", "½", "…")
# Keys that stand in documents of every trade; they are in training and in tests, and no word of the vocabulary.
KEYS = ("key", "name", "value", "id", "type", "data", "items", "text", "n", "key1", "key2", "foo", "bar")
_ODD_KEYS = ("", "$ref", "@id", "#", "_", "-", "x-y", "a.b", "content-type", "first name", "1", "0", "42")
_ENDS = (".", ".", "!", "?", ":", ";", ", etc.", "...")


def any_document(rng: random.Random, part: str = "all", size: int = 6) -> Json:
    """A document with at most `size` leaves; now and then a single value."""
    shape = rng.random()
    if shape < 0.07:
        return leaf(rng, part)
    if shape < 0.1:
        return _nested(rng, leaf(rng, part))
    room = [rng.randint(0, size)]
    return _object(rng, part, room, 1) if shape < 0.64 else _list(rng, part, room, 1)


def _nested(rng: random.Random, value: Json) -> Json:
    for _ in range(rng.randint(1, 6)):
        value = [value] if rng.random() < 0.8 else {rng.choice(KEYS): value}
    return value


def _value(rng: random.Random, part: str, room: list[int], depth: int) -> Json:
    chance = rng.random()
    if depth < DEEPEST and chance < 0.16:
        return _object(rng, part, room, depth + 1)
    if depth < DEEPEST and chance < 0.32:
        return _list(rng, part, room, depth + 1)
    room[0] -= 1
    return leaf(rng, part)


def _object(rng: random.Random, part: str, room: list[int], depth: int) -> dict[str, Json]:
    made: dict[str, Json] = {}
    for _ in range(rng.randint(0 if depth > 1 or room[0] < 1 else 1, 4)):
        if room[0] < 1:
            break
        if rng.random() < 0.3:  # a key with what suits it
            name, value = field(rng, part)
            room[0] -= 1
            made.setdefault(name, value)
        else:
            made.setdefault(_key(rng, part), _value(rng, part, room, depth))
    return made


def _list(rng: random.Random, part: str, room: list[int], depth: int) -> list[Json]:
    count = min(max(room[0], 0), rng.randint(0 if depth > 1 else 1, 6))
    if rng.random() < 0.6:  # all of a kind
        kind = rng.choice((number, decimal, _flag, lambda rng: text(rng, part), _identifier))
        room[0] -= count
        return [kind(rng) for _ in range(count)]
    return [_value(rng, part, room, depth) for _ in range(count) if room[0] > 0]


def _key(rng: random.Random, part: str) -> str:
    chance = rng.random()
    if chance < 0.35:
        return key(rng, part)
    if chance < 0.6:
        return rng.choice(string.ascii_lowercase) + rng.choice(("", "", "1", "2", "b"))
    if chance < 0.8:
        return rng.choice(KEYS)
    if chance < 0.9:
        return rng.choice(_ODD_KEYS)
    return f"{_identifier(rng)}{rng.randint(0, 9)}"


def leaf(rng: random.Random, part: str = "all") -> Json:
    """A single value."""
    chance = rng.random()
    if chance < 0.5:
        return text(rng, part)
    if chance < 0.68:
        return number(rng)
    if chance < 0.78:
        return decimal(rng)
    if chance < 0.83:
        return rng.choice((0, -1, 0.5, -0.25, 10**9, 2**31, 1e21, 1.5e-7, -2.5e30, 123456789012345))
    return rng.choice((True, False, None))


def text(rng: random.Random, part: str = "all") -> str:
    """A string: words, a sentence, an identifier, an address, other scripts, escapes, or nothing."""
    chance = rng.random()
    if chance < 0.3:
        return " ".join(_word(rng, part) for _ in range(rng.randint(1, 2)))
    if chance < 0.48:
        return _sentence(rng, part)
    if chance < 0.6:
        return _identifier(rng)
    if chance < 0.7:
        return rng.choice((date(rng), full_name(rng, part), rng.choice(words("city", part)), rng.choice("abcxyz")))
    if chance < 0.77:
        return _address(rng, part)
    if chance < 0.87:
        return _foreign(rng, part)
    if chance < 0.94:
        return _marked(rng, part)
    return rng.choice(("", " ", "true", "null", "0", "1.5", "None", "-", "N/A"))


def _flag(rng: random.Random) -> bool:
    return rng.random() < 0.5


def _word(rng: random.Random, part: str) -> str:
    return rng.choice((thing(rng, part).replace("_", " "), rng.choice(words("adjective", part)), _identifier(rng)))


def _sentence(rng: random.Random, part: str) -> str:
    said = [_word(rng, part) for _ in range(rng.randint(2, 4))]
    small = ("the", "a", "is", "of", "and", "in", "to", "for", "with", "not", "over", "this")
    mixed = [word for each in said for word in (rng.choice(small), each)]
    made = " ".join(mixed)
    return made[0].upper() + made[1:] + rng.choice(_ENDS)


def _identifier(rng: random.Random) -> str:
    """Letters and figures that mean nothing: they can only be copied."""
    letters = rng.choice((string.ascii_lowercase, string.ascii_uppercase, string.ascii_letters + string.digits))
    made = "".join(rng.choice(letters) for _ in range(rng.randint(1, 8)))
    return made + rng.choice(
        ("", "", "", f"-{rng.randint(1, 9999)}", f"_{rng.randint(1, 99)}", str(rng.randint(0, 99)))
    )


def _address(rng: random.Random, part: str) -> str:
    host = f"{rng.choice(words('adjective', part))}.{rng.choice(('com', 'org', 'net', 'io', 'example'))}"
    name = rng.choice((thing(rng, part), _identifier(rng)))
    return rng.choice(
        (
            f"https://{host}/{name}",
            f"http://{host}/{name}?id={rng.randint(1, 999)}&page=2",
            f"{name}@{host}",
            f"/usr/{name}/{_identifier(rng)}.txt",
            f"C:\\{name}\\{_identifier(rng)}",
            f"{rng.randint(0, 23)}:{rng.randint(10, 59)}",
            f"v{rng.randint(0, 9)}.{rng.randint(0, 20)}.{rng.randint(0, 9)}",
            f"+{rng.randint(1, 99)} {rng.randint(100, 999)} {rng.randint(1000, 9999)}",
        )
    )


def _foreign(rng: random.Random, part: str) -> str:
    if rng.random() < 0.5:
        word = rng.choice(words("adjective", part))
        at = rng.randrange(len(word))
        return word[:at] + rng.choice(_LETTERS) + word[at:]
    return f"{rng.choice(_OTHERS)}{rng.choice(('', ' ', ' ' + _word(rng, part)))}".strip()


def _marked(rng: random.Random, part: str) -> str:
    """Text with marks in it that mean something in JSON, or that it has to escape."""
    one, other = _word(rng, part), _word(rng, part)
    return rng.choice(
        (
            f'{one} "{other}"',
            f"{one}\n{other}",
            f"{one}\t{other}",
            f"{one}\\{other}",
            f"{one}, {other}",
            f"{one}: {other}",
            f"{{{one}}}",
            f"[{one}] {other}",
            f"{one} // {other}",
            f"it's {one}",
            f"<{one}>{other}</{one}>",
            f"{one} = {other}; # {other}",
        )
    )
