"""One question after the other from a declared generator: values, then words, then the answer.

A value that was not said is null in the answer, or the question is put again where the answer cannot do without it.
Alternatives that need a slot which was left out are not spoken.
"""

import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from typing import Any

from expertbuild.data.columns import said
from expertbuild.data.errors import SourceMistake
from expertbuild.data.generators.declared import conditions
from expertbuild.data.generators.declared.answers import NotSaid, filled, needed, written
from expertbuild.data.generators.declared.hooks import HOOKS
from expertbuild.data.generators.declared.manner import SAID
from expertbuild.data.generators.declared.shape import Case, Declared, Items, fields, refers
from expertbuild.data.generators.declared.speech import pruned, reachable
from expertbuild.data.generators.phrases import Grammar, Voice, sentence
from expertbuild.data.rows import Row

TRIES = 200  # draws of values, and of words, before a case is called impossible


@dataclass
class Drawn:
    """The values of one question, how each is said, and which of them are held out of training."""

    scope: dict[str, Any] = field(default_factory=dict)
    heard: dict[str, str] = field(default_factory=dict)
    held_out: set[str] = field(default_factory=set)


class Generator:
    """Speaks one side of the words and of the phrasings."""

    def __init__(self, name: str, declared: Declared, words: str = "train", phrasings: str = "train") -> None:
        self.name, self.declared, self.words, self.phrasings = name, declared, words, phrasings
        self._slots = frozenset(name for case in declared.cases for name in case.slots)
        self._grammars: dict[frozenset[str], Grammar] = {}
        self._reached: dict[tuple[int, str], frozenset[str]] = {}
        self._weights = [case.weight for case in declared.cases]

    def rows(self, rng: random.Random) -> Iterator[Row]:
        """Without end; who reads decides when it is enough."""
        while True:
            case = rng.choices(self.declared.cases, self._weights)[0]
            yield from self._case(rng, case)

    def _case(self, rng: random.Random, case: Case) -> list[Row]:
        lost = case.unanswerable if case.unanswerable and rng.random() < case.unanswerable["share"] else None
        rows = self._drawn(rng, case, lost)
        if not rows and lost and self._side():  # what is missing from it may be all that is held out
            rows = self._drawn(rng, case, None)
        if not rows:
            raise self.declared.marked.mistake(
                f'the case "{case.stratum}" cannot be drawn{self._side()}.',
                "cases",
                case.number,
                hint="Its conditions never hold, or no phrase says what its answer needs.",
            )
        return rows

    def _drawn(self, rng: random.Random, case: Case, lost: Mapping[str, Any] | None) -> list[Row]:
        """One question, or none if it cannot be put into words."""
        for _ in range(TRIES):
            drawn = self._values(rng, case)
            if drawn is None:
                continue
            if lost:
                drawn.scope.pop(rng.choice(lost["without"]), None)
            try:
                return [self._row(rng, case, drawn, lost) for _ in range(self.declared.paraphrases)]
            except NotSaid:
                continue
        return []

    def _side(self) -> str:
        sides = [f"{key}: held_out" for key in ("words", "phrasings") if getattr(self, key) == "held_out"]
        return f" with {' and '.join(sides)}" if sides else ""

    def _values(self, rng: random.Random, case: Case) -> Drawn | None:
        drawn = Drawn()
        for name, slot in case.slots.items():
            self._slot(rng, name, slot, drawn)
        if not conditions.holds(case.when, drawn.scope) or (self.words == "held_out" and not drawn.held_out):
            return None
        return drawn

    def _slot(self, rng: random.Random, name: str, slot: Mapping[str, Any], drawn: Drawn) -> None:
        if rng.random() >= slot.get("share", 1):
            return
        if not conditions.holds(slot.get("when", {}), drawn.scope):
            if "otherwise" in slot:
                drawn.scope[name] = slot["otherwise"]
            return
        kind = next(kind for kind in KINDS if kind in slot)
        KINDS[kind](self, rng, name, slot, drawn)
        if drawn.held_out.intersection(refers(slot)):
            drawn.held_out.add(name)
        if "as" in slot and name in drawn.scope:
            drawn.heard[name] = said(self._hook(rng, slot["as"], [drawn.scope[name]], name))

    def _list(self, rng: random.Random, name: str, slot: Mapping[str, Any], drawn: Drawn) -> None:
        if "by" not in slot:
            items = self.declared.lists[slot["list"]]
        else:
            lists, other = self.declared.by[slot["list"]], said(drawn.scope.get(slot["by"], ""))
            if slot["by"] not in drawn.scope:
                return
            if other not in lists:
                raise self.declared.marked.mistake(f'has no values for "{other}".', "lists", slot["list"], "by")
            items = lists[other]
        item = self._choose(rng, items)
        drawn.scope[name] = item.value
        if item.held_out:
            drawn.held_out.add(name)
        if item.said:
            drawn.heard[name] = rng.choice(item.said)

    def _choose(self, rng: random.Random, items: Items) -> Any:
        if self.words != "all":
            kept = tuple(item for item in items if item.held_out)
            known = tuple(item for item in items if not item.held_out)
            items = kept if kept and (self.words == "held_out" or not known) else known
        return rng.choices(items, [item.weight for item in items])[0]

    def _number(self, rng: random.Random, name: str, slot: Mapping[str, Any], drawn: Drawn) -> None:
        low, high = slot["number"]
        step = slot.get("step", 1)
        value = low + step * rng.randint(0, int((high - low) / step))
        drawn.scope[name] = value if isinstance(value, int) else round(value, 6)

    def _one_of(self, rng: random.Random, name: str, slot: Mapping[str, Any], drawn: Drawn) -> None:
        drawn.scope[name] = rng.choice(slot["one_of"])

    def _text(self, rng: random.Random, name: str, slot: Mapping[str, Any], drawn: Drawn) -> None:
        if all(field in drawn.scope for field in fields(slot["text"])):
            drawn.scope[name] = filled(slot["text"], drawn.scope)

    def _said(self, rng: random.Random, name: str, slot: Mapping[str, Any], drawn: Drawn) -> None:
        voice = Voice(self._spoken(drawn.scope), rng, self.phrasings)
        drawn.scope[name] = voice.say(slot["say"], **self._scope(rng, drawn))

    def _hooked(self, rng: random.Random, name: str, slot: Mapping[str, Any], drawn: Drawn) -> None:
        of = slot.get("of", ())
        if all(other in drawn.scope for other in of):
            drawn.scope[name] = self._hook(rng, slot["hook"], [drawn.scope[other] for other in of], name)

    def _hook(self, rng: random.Random, hook: str, values: list[Any], name: str) -> Any:
        try:
            return HOOKS[hook](rng, values)
        except (ValueError, TypeError, IndexError) as error:
            raise SourceMistake(
                f'the hook "{hook}" of the slot "{name}" {error}.', where=self.declared.marked.name
            ) from None

    def _row(self, rng: random.Random, case: Case, drawn: Drawn, lost: Mapping[str, Any] | None) -> Row:
        answer = lost["answer"] if lost else case.answer
        must = needed(answer) | set(case.unanswerable["without"] if case.unanswerable and not lost else ())
        phrases = self._spoken(drawn.scope)
        if case.ask not in phrases:
            raise NotSaid
        for _ in range(TRIES):
            voice = Voice(phrases, rng, self.phrasings)
            question = sentence(voice.say(case.ask, **self._scope(rng, drawn)))
            silent = self._silent(case, phrases, drawn, voice.told)
            if silent & must or (self.words == "held_out" and not drawn.held_out.intersection(voice.told)):
                continue
            known = {name: value for name, value in drawn.scope.items() if name not in silent}
            question, new = self._put(rng, question, drawn, phrases)
            if self.phrasings == "held_out" and not voice.new and not new:
                continue
            return self._finished(case, lost, question, written(answer, known, list(case.slots)), drawn)
        raise NotSaid

    def _put(self, rng: random.Random, question: str, drawn: Drawn, phrases: Grammar) -> tuple[str, bool]:
        """The question in somebody's manner, among chatter; and whether that is new to training."""
        voice = Voice(SAID, rng, self.phrasings)
        values = list(drawn.heard.values()) + [said(value) for value in drawn.scope.values()]
        question = self.declared.manner.put(voice, question, values)
        more = self.declared.distractors
        if more and more["say"] in phrases and rng.random() < more["share"]:
            chatter = Voice(phrases, rng, self.phrasings)
            for _ in range(rng.randint(1, more.get("most", 1))):
                aside = sentence(chatter.say(more["say"], **self._scope(rng, Drawn())))
                question = f"{aside} {question}" if rng.random() < 0.5 else f"{question} {aside}"
            return question, bool(voice.new or chatter.new)
        return question, bool(voice.new)

    def _finished(self, case: Case, lost: Mapping[str, Any] | None, question: str, answer: str, drawn: Drawn) -> Row:
        scope = {**dict.fromkeys(case.slots, ""), **drawn.scope, "ask": question}
        prompt = filled(self.declared.prompt, scope)
        names = case.group or tuple(case.slots)
        values = [case.number, {name: drawn.scope.get(name) for name in names}]
        messages = [{"role": "user", "content": prompt}]
        if self.declared.system:
            messages.insert(0, {"role": "system", "content": self.declared.system})
        return {
            "id": f"{self.name}-" + sha256(prompt.encode()).hexdigest()[:16],
            "messages": messages,
            "answer": answer,
            "stratum": f"{case.stratum}, unanswerable" if lost else case.stratum,
            "facts": {},
            "group": sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16],
        }

    def _scope(self, rng: random.Random, drawn: Drawn) -> dict[str, Any]:
        """What can be said: the values of this question, and besides any value of a list that is no slot."""
        lists = {name: items for name, items in self.declared.lists.items() if name not in self._slots}
        heard: dict[str, Any] = {name: partial(_any, rng, self, items) for name, items in lists.items()}
        return heard | {name: drawn.heard.get(name, said(value)) for name, value in drawn.scope.items()}

    def _spoken(self, scope: Mapping[str, Any]) -> Grammar:
        """The phrases without the alternatives that need a slot which is not there."""
        absent = frozenset(self._slots - set(scope))
        if absent not in self._grammars:
            self._grammars[absent] = pruned(self.declared.phrases, absent)
        return self._grammars[absent]

    def _silent(self, case: Case, phrases: Grammar, drawn: Drawn, told: list[str]) -> set[str]:
        """The slots that the question could have told and did not, and those that follow from them alone."""
        silent = (set(drawn.scope) & self._reachable(phrases, case.ask)) - set(told)
        for name, slot in case.slots.items():  # each stands after those it refers to
            if name not in told and not slot.keys() & {"by"} and silent.intersection(refers(slot)):
                silent.add(name)
        return silent & set(drawn.scope)

    def _reachable(self, phrases: Grammar, start: str) -> frozenset[str]:
        known = (id(phrases), start)  # grammars are kept, so an id stays one grammar's
        if known not in self._reached:
            self._reached[known] = reachable(phrases, start, self.phrasings)
        return self._reached[known]


def _any(rng: random.Random, generator: Generator, items: Items, scope: Mapping[str, Any]) -> str:
    item = generator._choose(rng, items)
    return rng.choice(item.said) if item.said else said(item.value)


KINDS: Mapping[str, Callable[[Generator, random.Random, str, Mapping[str, Any], Drawn], None]] = {
    "list": Generator._list,
    "number": Generator._number,
    "one_of": Generator._one_of,
    "text": Generator._text,
    "say": Generator._said,
    "hook": Generator._hooked,
}
