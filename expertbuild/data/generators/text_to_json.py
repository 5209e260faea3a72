"""The task "write what this text tells as JSON": a text and the keys that are wanted, and the object that holds them.

Values are copied, numbers are numbers, yes and no are true and false, and a key that the text does not tell is null;
what the text tells besides is left out. Keys come in the order and the spelling in which they were asked for. A text that
tells none of them is answered by an error. The base's corpus has texts and documents, never a text beside a document drawn
from it.
"""

import json
import random
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256

from expertbuild.data.generators.asking import UNANSWERABLE
from expertbuild.data.generators.json_rows import compact
from expertbuild.data.generators.phrases import Value, Voice, sentence, spoken
from expertbuild.data.generators.told import SAID, Text, labels, tell
from expertbuild.data.generators.told_values import Json
from expertbuild.data.generators.words import words as listed
from expertbuild.data.rows import Row

KEYS = (2, 3, 3, 4, 4, 5)  # how many are asked for
UNTOLD = (0, 0, 0, 1, 1, 2)  # how many of them the text does not tell, at most
NOT_TOLD = {"error": "not told"}
WANTED = "\0"  # where what is wanted goes in a layout that several have
# Properties that a text tells under other names too: never asked for where the answer should be null.
MUCH_THE_SAME = {
    *("role", "position", "surname", "nickname", "owner", "host", "driver", "manager", "maker", "kind", "category"),
    *("bedrooms", "units", "count", "quantity", "stock", "duration", "hours", "days", "capacity", "size", "label"),
    *("department", "district", "region", "state", "province", "country", "language", "members", "employees", "orders"),
}
TYPES = {str: "string", int: "number", float: "number", bool: "boolean", type(None): "string"}


def draw(rng: random.Random, words: str = "train", phrasings: str = "train", most: int = max(KEYS)) -> Row:
    """One text with keys, `most` of them at most, and the object."""
    return next(draw_several(rng, 1, words, phrasings, most))


def draw_several(
    rng: random.Random, count: int, words: str = "train", phrasings: str = "train", most: int = max(KEYS)
) -> Iterator[Row]:
    """One text that is asked several times in the same layout; sometimes it tells nothing of the first keys."""
    lost = rng.random() < count * UNANSWERABLE

    def write(voice: Voice) -> tuple[Text, str, str, dict[str, Json | None]]:
        while True:
            text = tell(voice, words)
            wanted = _untold(voice, text, words) if lost else _wanted(voice, text, words, most)
            if len(wanted) >= 2:
                return text, *_ask(voice, text.text, wanted), wanted
            voice.used.clear()

    text, layout, named, wanted = spoken(SAID, rng, phrasings, write)
    yield _row(text, layout.replace(WANTED, named), wanted, lost)
    for _ in range(count - 1):
        wanted = {}
        while len(wanted) < 2:
            wanted = _wanted(Voice(SAID, rng, phrasings), text, words, most)
        named = _template(rng, wanted) if named.startswith("{") else _listed(rng, list(wanted))
        yield _row(text, layout.replace(WANTED, named), wanted, lost=False)


def _row(text: Text, asked: str, wanted: dict[str, Json | None], lost: bool) -> Row:
    expected = NOT_TOLD if lost else wanted
    return {
        "id": "text_to_json-" + sha256(asked.encode()).hexdigest()[:16],
        "messages": [{"role": "user", "content": asked}],
        "answer": compact(expected),
        "stratum": "text, nothing told"
        if lost
        else f"text, {text.genre}, {'2 or 3' if len(wanted) < 4 else '4 or 5'} keys",
        "facts": {"expected": expected},
        "group": sha256(text.text.encode()).hexdigest()[:16],
    }


def _wanted(voice: Voice, text: Text, part: str, most: int) -> dict[str, Json | None]:
    """The keys that are asked for, with what the text tells."""
    rng = voice.rng
    many = rng.choice([count for count in KEYS if count <= most])
    missing = min(rng.choice(UNTOLD), many - 1)
    told = rng.sample(list(text.told), min(len(text.told), many - missing))
    untold = rng.sample(text.untold, min(len(text.untold), many - len(told), missing))
    spelling = _spelling(rng)
    made: dict[str, Json | None] = {}
    for field in rng.sample(told + untold, len(told) + len(untold)):
        made[spelling(_called(voice, text, field))] = text.told[field].value if field in text.told else None
    more = len(made) < most and (missing > len(untold) or rng.random() < 0.1)
    if more and (other := _other(rng, text, part)) is not None:
        made.setdefault(spelling(other), None)
    return made


def _untold(voice: Voice, text: Text, part: str) -> dict[str, Json | None]:
    """Some keys of which the text tells none."""
    rng, spelling = voice.rng, _spelling(voice.rng)
    keys = [_called(voice, text, field) for field in rng.sample(text.untold, min(len(text.untold), rng.randint(0, 2)))]
    others = (_other(rng, text, part) for _ in range(rng.randint(1, 2)))
    return dict.fromkeys(spelling(key) for key in [*keys, *others] if key is not None)


def _spelling(rng: random.Random) -> Callable[[str], str]:
    return rng.choices((str, camel, spaced), (7, 2, 1))[0]


def _called(voice: Voice, text: Text, field: str) -> str:
    name = f"{text.genre}_{field}_key"
    return voice.say(name) if name in SAID else field


def _other(rng: random.Random, text: Text, part: str) -> str | None:
    """Something that such a text hardly ever tells; None if this one might."""
    other = rng.choice(listed(rng.choice(("text_column", "integer_column")), part))
    return None if other in text.told or _near(other, labels(text.genre)) else other


def _near(key: str, names: set[str]) -> bool:
    """Whether a key could be taken for one of these: by one of its words, or by what it means."""
    known = {word.rstrip("s") for name in names for word in name.split("_")}
    return key in MUCH_THE_SAME or any(word.rstrip("s") in known for word in key.split("_"))


def _ask(voice: Voice, text: str, wanted: dict[str, Json | None]) -> tuple[str, str]:
    """A request with a place for what is wanted, and how that is named there: a template, or a list of keys."""
    scope: dict[str, Value] = {"text": text, "Do": lambda scope: sentence(voice.say("do"))}
    if voice.chance(0.2):
        named = _template(voice.rng, wanted)
        return voice.say("asked_template", template=WANTED, **scope), named
    named = _listed(voice.rng, list(wanted))
    return voice.say("asked", keys=WANTED, **scope), named


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
