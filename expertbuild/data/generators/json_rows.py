"""What the tasks about JSON documents have in common: their words, the shape of their rows, and what cannot be done.

`facts.expected` is the document that is meant; where the task is how it is written, `facts.as_written` says so, and only
the answer's own spelling is right. What cannot be done is answered by an object with one key, `error`.
"""

import json
import random
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from expertbuild.data.generators import json_words
from expertbuild.data.generators.phrases import Scope, Value, Voice, grammar, sentence
from expertbuild.data.generators.words import full_name, thing, words
from expertbuild.data.rows import Row

Json = Any

SAID = {
    name: grammar(json_words.LAYOUT, text)
    for name, text in (
        ("style", json_words.STYLE),
        ("transform", json_words.TRANSFORM),
        ("schema", json_words.SCHEMA),
    )
}
NO_JSON = {"error": "no JSON"}


def compact(value: Json) -> str:
    """The shortest spelling, which is how answers are written unless another is asked for."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def row(task: str, asked: str, expected: Json, stratum: str, written: str | None = None) -> Row:
    """One question with its answer; `written` is how exactly it has to be written, if that is the task."""
    answer = compact(expected) if written is None else written
    return {
        "id": f"{task}-{sha256(asked.encode()).hexdigest()[:16]}",
        "messages": [{"role": "user", "content": asked}],
        "answer": answer,
        "stratum": stratum,
        "facts": {"expected": expected} | ({} if written is None else {"as_written": True}),
        "group": sha256((asked if expected == NO_JSON else answer).encode()).hexdigest()[:16],
    }


def ask(voice: Voice, what: str, document: str, values: Mapping[str, Value] | None = None) -> str:
    """A request for what one set of phrases says, with the document it is about."""

    def begun(scope: Scope) -> str:
        return sentence(voice.say(what, **scope))

    return voice.say("layout", json=document, do=voice.later(what), Do=begun, **(values or {}))


def no_json(voice: Voice, part: str) -> str:
    """A text in which there is no JSON at all."""
    rng = voice.rng
    return voice.say(
        "nothing",
        name=full_name(rng, part),
        city=rng.choice(words("city", part)),
        thing=thing(rng, part).replace("_", " "),
        adjective=rng.choice(words("adjective", part)),
    )


def laid_out(rng: random.Random, value: Json) -> str:
    """A document as people paste it: with blanks, tight, or indented."""
    style = rng.random()
    if style < 0.55:
        return json.dumps(value, ensure_ascii=False)
    return compact(value) if style < 0.8 else json.dumps(value, ensure_ascii=False, indent=2)
