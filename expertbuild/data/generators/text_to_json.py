"""The task "write what this text tells as JSON": a text and the keys that are wanted, and the object that holds them.

Values are copied, numbers are numbers, yes and no are true and false, and a key that the text does not tell is null;
what the text tells besides is left out. Keys come in the order and the spelling in which they were asked for. The
base's corpus has texts and documents, never a text beside a document drawn from it.
"""

import json
import random
from collections.abc import Sequence
from hashlib import sha256

from expertbuild.data.generators.phrases import Value, Voice, sentence, spoken
from expertbuild.data.generators.told import SAID, Text, labels, tell
from expertbuild.data.generators.told_values import Json
from expertbuild.data.generators.words import words as listed
from expertbuild.data.rows import Row

KEYS = (2, 3, 3, 4, 4, 5)  # how many are asked for
UNTOLD = (0, 0, 0, 1, 1, 2)  # how many of them the text does not tell, at most
# Properties that a text tells under other names too: never asked for where the answer should be null.
MUCH_THE_SAME = {
    *("role", "position", "surname", "nickname", "owner", "host", "driver", "manager", "maker", "kind", "category"),
    *("bedrooms", "units", "count", "quantity", "stock", "duration", "hours", "days", "capacity", "size", "label"),
    *("department", "district", "region", "state", "province", "country", "language", "members", "employees", "orders"),
}
TYPES = {str: "string", int: "number", float: "number", bool: "boolean", type(None): "string"}


def draw(rng: random.Random, words: str = "train", phrasings: str = "train") -> Row:
    """One text with keys, and the object."""

    def write(voice: Voice) -> tuple[Text, str, dict[str, Json | None]]:
        while True:
            text = tell(voice, words)
            wanted = _wanted(voice, text, words)
            if len(wanted) >= 2:
                return text, _ask(voice, text.text, wanted), wanted
            voice.used.clear()

    text, asked, wanted = spoken(SAID, rng, phrasings, write)
    return {
        "id": "text_to_json-" + sha256(asked.encode()).hexdigest()[:16],
        "messages": [{"role": "user", "content": asked}],
        "answer": json.dumps(wanted, ensure_ascii=False, separators=(",", ":")),
        "stratum": f"{text.genre}, {'2 or 3' if len(wanted) < 4 else '4 or 5'} keys",
        "facts": {"expected": wanted},
        "group": sha256(text.text.encode()).hexdigest()[:16],
    }


def _wanted(voice: Voice, text: Text, part: str) -> dict[str, Json | None]:
    """The keys that are asked for, with what the text tells."""
    rng = voice.rng
    many = rng.choice(KEYS)
    missing = min(rng.choice(UNTOLD), many - 1)
    told = rng.sample(list(text.told), min(len(text.told), many - missing))
    untold = rng.sample(text.untold, min(len(text.untold), many - len(told), missing))
    spelling = rng.choices((str, camel, spaced), (7, 2, 1))[0]
    made: dict[str, Json | None] = {}
    for field in rng.sample(told + untold, len(told) + len(untold)):
        key = voice.say(f"{text.genre}_{field}_key") if f"{text.genre}_{field}_key" in SAID else field
        made[spelling(key)] = text.told[field].value if field in text.told else None
    if len(made) < max(KEYS) and (
        missing > len(untold) or rng.random() < 0.1
    ):  # something that such a text hardly ever tells
        other = rng.choice(listed(rng.choice(("text_column", "integer_column")), part))
        if other not in text.told and not _near(other, labels(text.genre)):
            made.setdefault(spelling(other), None)
    return made


def _near(key: str, names: set[str]) -> bool:
    """Whether a key could be taken for one of these: by one of its words, or by what it means."""
    known = {word.rstrip("s") for name in names for word in name.split("_")}
    return key in MUCH_THE_SAME or any(word.rstrip("s") in known for word in key.split("_"))


def _ask(voice: Voice, text: str, wanted: dict[str, Json | None]) -> str:
    scope: dict[str, Value] = {"text": text, "Do": lambda scope: sentence(voice.say("do"))}
    if voice.chance(0.2):
        return voice.say("asked_template", template=_template(voice.rng, wanted), **scope)
    return voice.say("asked", keys=_listed(voice.rng, list(wanted)), **scope)


def _listed(rng: random.Random, keys: Sequence[str]) -> str:
    """Keys as people list them."""
    style = rng.random()
    if style < 0.35:
        return ", ".join(keys)
    if style < 0.6:
        return f"{', '.join(keys[:-1])} and {keys[-1]}"
    if style < 0.75:
        return ", ".join(f'"{key}"' for key in keys)
    return json.dumps(list(keys), ensure_ascii=False) if style < 0.9 else " / ".join(keys)


def _template(rng: random.Random, wanted: dict[str, Json | None]) -> str:
    """The wanted object with its values to be filled in: empty, or named by their types."""
    style = rng.random()
    if style < 0.4:
        return json.dumps(dict.fromkeys(wanted), ensure_ascii=False)
    if style < 0.7:
        return json.dumps(dict.fromkeys(wanted, ""), ensure_ascii=False)
    return json.dumps({key: TYPES[type(value)] for key, value in wanted.items()}, ensure_ascii=False)


def camel(key: str) -> str:
    first, *rest = key.split("_")
    return first + "".join(word.capitalize() for word in rest)


def spaced(key: str) -> str:
    return key.replace("_", " ")
