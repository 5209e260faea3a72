"""The task "make this valid JSON": a document, damaged in one of many ways, and the document as it should be.

The answer is compact JSON. Each row's stratum names the kind of damage (see `json_damage`); damage always leaves enough to
know the document, but a text with no JSON in it has nothing to mend. The base's corpus holds documents, never a broken one
beside its repair.
"""

import json
import random
import re
from collections.abc import Iterator
from typing import Any

from expertbuild.data.generators.any_document import any_document
from expertbuild.data.generators.asking import UNANSWERABLE, Forms
from expertbuild.data.generators.documents import document
from expertbuild.data.generators.json_damage import DAMAGE, damage
from expertbuild.data.generators.json_rows import NO_JSON, SAID, no_json, row
from expertbuild.data.generators.phrases import Voice
from expertbuild.data.rows import Row

ASKED = Forms(
    train=(
        "{broken}",
        "{broken}",
        "{broken}",
        "Fix this JSON:\n{broken}",
        "Repair this JSON.\n{broken}",
        "{broken}\nMake this valid JSON.",
        "This JSON does not parse:\n{broken}",
        "Correct the JSON below.\n\n{broken}",
        "Please fix the following JSON:\n\n{broken}",
        "{broken}\n\nWhat is the correct JSON?",
        "My parser rejects this. Can you repair it?\n{broken}",
        "Return valid JSON only:\n{broken}",
        "Clean up this broken JSON:\n{broken}",
    ),
    held_out=(
        "The following is malformed. Give me well-formed JSON:\n{broken}",
        "{broken}\nThere is an error in there somewhere, please mend it.",
        "json.loads fails on this text:\n\n{broken}\n\nHow should it read?",
        "Turn this into something a JSON parser accepts.\n{broken}",
        "Invalid JSON, please sort it out: {broken}",
        "I got this from an API and it is broken:\n{broken}\nRestore it.",
    ),
)


VALID = 3  # what is valid already comes as often as three kinds of damage: it must come back as it is
ESCAPED = 0.4  # of those, the share whose letters beyond ASCII are escaped
ANY = 0.5  # the share of documents that are no records
# What a document must keep for a kind of damage to leave it known: a string with marks of JSON in it needs its quotes,
# and a single value has nothing else.
WHOLE_STRINGS = (
    "no_closing_quote",
    "no_opening_quote",
    "single_quotes",
    "unquoted_value",
    "unquoted_keys",
    "truncated",
    "two_faults",
)
OF_ONE_VALUE = ("valid", "fenced", "text_around", "python_literals", "odd_literals", "smart_quotes")
WORD = re.compile(r"[A-Za-z]{3}")
MARKS = re.compile(r"[\"'\\{}\[\]:,;=#/<>\s“”]")

NOTHING = Forms(
    train=(
        "Fix this JSON:\n{text}",
        "Repair this JSON.\n{text}",
        "{text}\nMake this valid JSON.",
        "This JSON does not parse:\n{text}",
        "Correct the JSON below.\n\n{text}",
        "{text}\n\nWhat is the correct JSON?",
    ),
    held_out=(
        "There is an error in this JSON, please mend it.\n{text}",
        "Invalid JSON, please sort it out: {text}",
    ),
)


def draw(rng: random.Random, words: str = "train", phrasings: str = "train", size: int = 5) -> Row:
    """One broken document with its repair; `size` is about the largest number of leaves."""
    if rng.random() < UNANSWERABLE:
        text = no_json(Voice(SAID["style"], rng), words)
        return row("json_repair", NOTHING.choose(rng, phrasings).replace("{text}", text), NO_JSON, "repair, no JSON")
    while True:
        kind = rng.choices(list(DAMAGE), [VALID if kind == "valid" else 1 for kind in DAMAGE])[0]
        plain = rng.random() >= ANY
        value = document(rng, words, size=rng.randint(2, size)) if plain else any_document(rng, words, size + 2)
        if "held_out" in (words, phrasings) and not any(WORD.search(text) for text in _strings(value)):
            continue  # `{}` and `[1]` are the same on every side: as a test case they would leave the training rows
        escaped = not plain and rng.random() < ESCAPED
        made = damage(rng, kind, value, phrasings, escaped=escaped) if plain or _fits(kind, value) else None
        if made is not None:
            break
    broken, expected = made
    asked = ASKED.choose(rng, phrasings).replace("{broken}", broken)
    made_row = row("json_repair", asked, expected, f"repair, {kind.replace('_', ' ')}")
    if escaped:  # what came as an escape goes back as one: to copy it is easier than to know the letter
        made_row["answer"] = json.dumps(expected, separators=(",", ":"))
    return made_row


def _fits(kind: str, value: Any) -> bool:
    """Whether a document of any kind would still be known after this damage."""
    if not isinstance(value, dict | list):
        return kind in OF_ONE_VALUE
    return kind not in WHOLE_STRINGS or not any(MARKS.search(each) or not each for each in _strings(value))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield key
            yield from _strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from _strings(each)
