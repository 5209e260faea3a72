"""What the base answers by itself, remembered: beside another adapter, another training, it is not asked again.

A name holds all that decides an answer: the base, the decoding, the grammar, the code and the libraries. The answers are judged
anew each time, so a scorer is no part of it.
"""

import json
from collections.abc import Mapping
from typing import Any

from expertbuild.actions.evaluate import EVALUATE
from expertbuild.actions.memory import digests, known_code, memory
from expertbuild.data.remembered import key_of
from expertbuild.evaluation.answering import Messages, generator
from expertbuild.evaluation.evaluate import Generate
from expertbuild.graph import Cache, Context
from expertbuild.graph.libraries import Libraries


def baseline(run: Context, engine: Any, decoding: Mapping[str, Any], grammar: str | None) -> Generate:
    """Answers of the base: those that were given before, and for the rest its own."""
    cache, installed = Cache(run.config["paths"]["cache"]), Libraries()
    known, ask = memory(cache), generator(engine, None, decoding, grammar)
    stands_on = [
        "baseline-1",
        engine.base_digest,
        engine.tokenizer_digest,
        json.dumps(decoding, sort_keys=True),
        grammar or "",
        *(f"{name} {installed.version(name)}" for name in EVALUATE.libraries),
        *digests(known_code(cache), ["expertbuild.evaluation.answering"], "evaluate"),
    ]

    def answers(conversations: list[Messages]) -> list[str]:
        keys = [key_of([*stands_on, json.dumps(messages)]) for messages in conversations]
        said = [known.recall(key) for key in keys]
        new = [place for place, answer in enumerate(said) if not isinstance(answer, str)]
        for place, answer in zip(new, ask([conversations[place] for place in new]), strict=True):
            said[place] = answer
            known.keep(keys[place], answer)
        return said

    return answers
