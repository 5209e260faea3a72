"""The task "make this valid JSON": a document, damaged in one of many ways, and the document as it should be.

The answer is compact JSON. Each row's stratum names the kind of damage (see `json_damage`); damage always leaves enough to
know the document, but a text with no JSON in it has nothing to mend. The base's corpus holds documents, never a broken one
beside its repair.
"""

import random

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
        kind = rng.choice(list(DAMAGE))
        value = document(rng, words, size=rng.randint(2, size))
        made = damage(rng, kind, value, phrasings)
        if made is not None:
            break
    broken, expected = made
    asked = ASKED.choose(rng, phrasings).replace("{broken}", broken)
    return row("json_repair", asked, expected, f"repair, {kind.replace('_', ' ')}")
