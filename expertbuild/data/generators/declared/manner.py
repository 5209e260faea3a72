"""How a question is put, whatever it asks: politely, by a detour, among chatter, in a hurry, with slips of the fingers.

Values that the answer repeats are never touched: a typo in a name would make the answer wrong.
"""

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from expertbuild.data.generators.phrases import Grammar, Voice, grammar

SAID: Grammar = grammar("""
polite
  4* {Q} Thanks! | 3* {Q} Thank you. | 4* Please help me: {q} | 3* Hi, {q} | 3* Hello! {Q} | 2* Hey there. {Q}
  2* Hi, one quick thing: {q} | {Q} Thanks in advance. | Hello, {q} Thank you very much. | {Q} That would help me a lot.
~ Good morning. {Q} | {Q} Many thanks. | If you have a minute: {q} | Sorry to bother you. {Q}
indirect
  3* I have been wondering: {q} | 2* My colleague wants this: {q} | 3* Here is what I need: {q} | 2* What I am after is this: {q}
  2* I am not sure how to put it, but: {q} | 2* Can you do this for me? {Q} | I was told to ask you this: {q}
  Let me put it this way: {q} | It would be good to have this: {q} | I have a request. {Q}
~ Somebody asked me to pass this on: {q} | This came up in a meeting: {q} | Maybe you can sort this out: {q}
""")
_NEAR = dict(zip("qwertyuiopasdfghjklzxcvbnm", "wertyuioplsdfghjklkxcvbnmn", strict=True))
_WORD = re.compile(r"[A-Za-z]{4,}")

# A word and a place inside it.
SLIPS: Mapping[str, Callable[[str, int], str]] = {
    "swapped": lambda word, at: word[:at] + word[at + 1] + word[at] + word[at + 2 :],
    "missing": lambda word, at: word[:at] + word[at + 1 :],
    "doubled": lambda word, at: word[:at] + word[at] + word[at:],
    "beside": lambda word, at: word[:at] + _NEAR.get(word[at].lower(), word[at]) + word[at + 1 :],
}


@dataclass(frozen=True)
class Manner:
    """How often each of it happens, between 0 and 1."""

    polite: float = 0.0
    indirect: float = 0.0
    hurried: float = 0.0
    typos: float = 0.0

    def put(self, voice: Voice, question: str, values: Sequence[str]) -> str:
        """The question as somebody would put it; `values` stay as they are. `voice` speaks by `SAID`."""
        for name in ("indirect", "polite"):
            if voice.chance(getattr(self, name)):
                question = voice.say(name, Q=question, q=_lowered(question, values))
        if voice.chance(self.hurried):
            question = _lowered(question, values).rstrip(".?!")
        if voice.chance(self.typos):
            question = slip(voice.rng, question, values)
        return question


def slip(rng: random.Random, text: str, values: Sequence[str]) -> str:
    """One slip of the fingers in a word that is no part of a value."""
    kept = [match.span() for value in values if value for match in re.finditer(re.escape(value), text, re.IGNORECASE)]
    free = [
        match
        for match in _WORD.finditer(text)
        if not any(match.start() < end and start < match.end() for start, end in kept)
    ]
    if not free:
        return text
    match = rng.choice(free)
    at = rng.randrange(1, len(match[0]) - 1)
    word = SLIPS[rng.choice(list(SLIPS))](match[0], at)
    return text[: match.start()] + word + text[match.end() :]


def _lowered(text: str, values: Sequence[str]) -> str:
    """The first letter small, unless a value, a name or `I` stands there."""
    if re.match(r"I\b|[A-Z]{2}", text) or any(value and text.startswith(value) for value in values):
        return text
    return text[:1].lower() + text[1:]
