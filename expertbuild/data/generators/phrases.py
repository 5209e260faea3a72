"""A phrase grammar: sets of alternatives that make up sentences, a part of each set held out.

    request                                   # a set, by name
      4* {do} {np}. | please {do} {np}.       # alternatives; `4*` comes up four times as often
      [kindly] return {np}                    # what stands in [brackets] may be left out
    ~ I would like you to {do} {np}.          # `~` holds all alternatives of its line out of training

`{np}` is a value if the speaker brings one of that name, and another set otherwise; `{a np}` puts the right article
before it. Values may be text, or functions that speak when they are reached, so that what was said is what is heard.
Who speaks with `part="held_out"` uses at least one alternative that training never sees, most often several; the words
of those alternatives occur in training, in others (`strange_words` says which do not).

Nothing here knows what is asked, or in which language the answer is.
"""

import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import TypeVar

HELD_OUT_SHARE = 0.35  # how often a held-out alternative is taken where a set has one, in held-out speech

_ALTERNATIVE = re.compile(r"(?:(\d+)\*\s*)?(.*)", re.DOTALL)
_PARTS = re.compile(r"\{(a )?(\w+)\}|\[([^\[\]]+)\]")
_WORD = re.compile(r"[A-Za-z]+")
_AN = re.compile(r"(?!u[bcdfghjklmnpqrstvwxyz][aeiou]|eu|one\b|uni)[aeiou]|hour|honest", re.IGNORECASE)

T = TypeVar("T")


@dataclass(frozen=True)
class Slot:
    """A place in an alternative: a value or another set."""

    name: str
    article: bool


@dataclass(frozen=True)
class Maybe:
    """A part that may be left out."""

    parts: tuple["Part", ...]


Part = str | Slot | Maybe


@dataclass(frozen=True)
class Form:
    """One alternative of a set."""

    text: str
    weight: int
    held_out: bool

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        return tuple(_parts(self.text))


Grammar = Mapping[str, tuple[Form, ...]]
Scope = Mapping[str, "Value"]
Value = str | Callable[[Scope], str]


def grammar(*texts: str) -> Grammar:
    """The sets written in some texts; a name may stand in one place only."""
    made: dict[str, list[Form]] = {}
    for text in texts:
        forms: list[Form] | None = None
        for line in text.splitlines():
            line = line.split("  #")[0].rstrip()
            if not line:
                continue
            if not line.startswith((" ", "~")):
                if line in made:
                    raise ValueError(f"the set {line!r} is written twice")
                forms = made[line] = []
                continue
            if forms is None:
                raise ValueError(f"{line.strip()!r} stands before the name of a set")
            held_out = line.startswith("~")
            for alternative in re.split(r"(?:^|\s)\|(?:\s|$)", line.lstrip("~ ")):
                match = _ALTERNATIVE.fullmatch(alternative.strip())
                assert match
                forms.append(Form(match[2].replace("\\n", "\n"), int(match[1] or 1), held_out))
    for name, found in made.items():
        if not [form for form in found if not form.held_out]:
            raise ValueError(f"the set {name!r} leaves nothing to train on")
    return {name: tuple(found) for name, found in made.items()}


@dataclass
class Voice:
    """One speaker, for one question: where chance comes from, which part may be said, and what was said."""

    grammar: Grammar
    rng: random.Random
    part: str = "train"
    used: list[Form] = field(default_factory=list)
    told: list[str] = field(default_factory=list)  # names of the values that were spoken

    def say(self, name: str, /, **values: Value) -> str:
        """An alternative of this set, spoken."""
        return self._say(name, values)

    def later(self, name: str, /, **values: Value) -> Value:
        """The same as a value: spoken when it is reached, in the scope that holds there, and over it these values."""
        return lambda scope: self._say(name, {**scope, **values})

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    @property
    def new(self) -> list[Form]:
        """What was said that training never hears."""
        return [form for form in self.used if form.held_out]

    def _say(self, name: str, scope: Scope) -> str:
        forms = self.grammar[name]
        if self.part != "all":
            kept = [form for form in forms if form.held_out]
            known = [form for form in forms if not form.held_out]
            forms = tuple(kept if kept and self.part == "held_out" and self.chance(HELD_OUT_SHARE) else known)
        form = self.rng.choices(forms, [form.weight for form in forms])[0]
        self.used.append(form)
        return self._join(form.parts, scope)

    def _join(self, parts: tuple[Part, ...], scope: Scope) -> str:
        said = []
        for part in parts:
            if isinstance(part, str):
                said.append(part)
            elif isinstance(part, Maybe):
                said.append(self._join(part.parts, scope) if self.chance(0.5) else "")
            else:
                text = self._fill(part.name, scope)
                said.append(f"{article(text)} {text}" if part.article else text)
        return "".join(said)

    def _fill(self, name: str, scope: Scope) -> str:
        if name not in scope:
            return self._say(name, scope)
        self.told.append(name)
        value = scope[name]
        return value if isinstance(value, str) else value(scope)


def spoken(grammar: Grammar, rng: random.Random, part: str, write: Callable[[Voice], T]) -> T:
    """What `write` makes with a voice; in held-out speech, again until something was said that training never hears."""
    while True:
        voice = Voice(grammar, rng, part)
        made = write(voice)
        if part != "held_out" or voice.new:
            return made


def sentence(text: str) -> str:
    """One blank between words, none before marks, a capital at the start."""
    text = re.sub(r" +([.?,:;])(?=\s|$)", r"\1", " ".join(text.split()))
    return text[:1].upper() + text[1:]


def article(text: str) -> str:
    """ "a" or "an", whichever this text wants before it."""
    return "an" if _AN.match(text.lstrip("'\"")) else "a"


def size(grammar: Grammar, name: str, part: str = "train") -> int:
    """How many different things this set can say, values counted as one each."""
    forms = [form for form in grammar[name] if part == "all" or not form.held_out]
    return sum(prod(_sizes(grammar, form.parts, part)) for form in forms)


def strange_words(grammar: Grammar) -> set[str]:
    """Words that only held-out alternatives use."""
    known: set[str] = set()
    kept: set[str] = set()
    for forms in grammar.values():
        for form in forms:
            text = re.sub(r"\{[^}]*\}", " ", form.text)
            (kept if form.held_out else known).update(word.lower() for word in _WORD.findall(text))
    return kept - known


def _sizes(grammar: Grammar, parts: tuple[Part, ...], part: str) -> Iterator[int]:
    for each in parts:
        if isinstance(each, Maybe):
            yield 1 + prod(_sizes(grammar, each.parts, part))
        elif isinstance(each, Slot) and each.name in grammar:
            yield size(grammar, each.name, part)


def _parts(text: str) -> Iterator[Part]:
    end = 0
    for match in _PARTS.finditer(text):
        if match.start() > end:
            yield text[end : match.start()]
        if match[3]:
            yield Maybe(tuple(_parts(match[3])))
        else:
            yield Slot(match[2], bool(match[1]))
        end = match.end()
    if end < len(text):
        yield text[end:]
