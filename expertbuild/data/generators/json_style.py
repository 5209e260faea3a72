"""The task "write this JSON in that style": a document as people write it, and the same one strict, on one line or
indented by two spaces, its keys as they come or sorted.

What comes in may be loose: single quotes, comments, bare keys, a comma too many, Python's literals. What goes out differs
from it in nothing but how it is written, so only the spelling that was asked for is right. "Sort the keys" alone means on
one line.
"""

import json
import random

from expertbuild.data.generators.asking import UNANSWERABLE
from expertbuild.data.generators.documents import document
from expertbuild.data.generators.json_damage import damage
from expertbuild.data.generators.json_rows import NO_JSON, SAID, Json, ask, compact, no_json, row
from expertbuild.data.generators.phrases import spoken
from expertbuild.data.rows import Row

STYLES = {"minified": 4, "indented": 4, "sorted_minified": 2, "sorted_indented": 2}
LOOSE = ("valid", "valid", "single_quotes", "unquoted_keys", "trailing_comma", "comment", "python_literals")


def draw(rng: random.Random, words: str = "train", phrasings: str = "train", size: int = 5) -> Row:
    """One document with the same in the style that is asked for; `size` is about the largest number of leaves."""
    style = rng.choices(list(STYLES), list(STYLES.values()))[0]
    if rng.random() < UNANSWERABLE:
        asked = spoken(SAID["style"], rng, phrasings, lambda voice: ask(voice, style, no_json(voice, words)))
        return row("json_style", asked, NO_JSON, "style, no JSON")
    while True:
        value = document(rng, words, size=rng.randint(2, size))
        made = damage(rng, rng.choice(LOOSE), value, phrasings)
        if made is not None:
            break
    asked = spoken(SAID["style"], rng, phrasings, lambda voice: ask(voice, style, made[0]))
    return row("json_style", asked, value, f"style, {style.split('_')[0]}", written(value, style))


def written(value: Json, style: str) -> str:
    """The document in this style."""
    if style.startswith("sorted_"):
        value = _in_order(value)
    return json.dumps(value, ensure_ascii=False, indent=2) if style.endswith("indented") else compact(value)


def _in_order(value: Json) -> Json:
    if isinstance(value, dict):
        return {key: _in_order(value[key]) for key in sorted(value)}
    return [_in_order(each) for each in value] if isinstance(value, list) else value
