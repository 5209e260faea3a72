"""Whether a declared generator can speak: every name is known, nothing refers to itself, nothing explodes."""

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any

from expertbuild.data.generators.declared import conditions
from expertbuild.data.generators.declared.hooks import HOOKS
from expertbuild.data.generators.declared.shape import Case, Declared, fields, leaves
from expertbuild.data.generators.phrases import Maybe, Part, Slot

LONGEST = 100_000  # characters of one question, at most
_MARKS = re.compile(r"[{}\[\]]")
_SEPARATOR = re.compile(r"(?:^|\s)\|(?:\s|$)")  # as phrases.py has it


def check_names(made: Declared) -> None:
    """Every name that is said is a set, a list, or a slot of some case."""
    marked = made.marked
    slots = {name for case in made.cases for name in case.slots}
    known = slots | set(made.lists) | set(made.phrases)
    if both := sorted((slots | set(made.lists)) & set(made.phrases)):
        raise marked.mistake(f'"{both[0]}" is a set of phrases and a slot or a list.', "phrases", both[0])
    for name, forms in made.phrases.items():
        for number, form in enumerate(forms):
            at = ("phrases", name, line_of(marked.value["phrases"][name], number))
            if loose := _loose(form.parts):
                raise marked.mistake(
                    f'"{loose}" stands alone, and would be spoken as it is.',
                    *at,
                    hint="{x} is a name, [x] may be left out and has no other [x] in it; a text with such letters is a list's.",
                )
            for other in _said(form.parts):
                if other not in known:
                    raise marked.mistake(f'nothing is called "{other}".', *at, hint=advice(other, known))
    graph = {
        name: {s for form in forms for s in _said(form.parts)} & set(made.phrases)
        for name, forms in made.phrases.items()
    }
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        circle = list(reversed(error.args[1]))
        raise marked.mistake(
            f"phrases refer to each other in a circle: {' -> '.join(circle)}.", "phrases", circle[0]
        ) from None
    for case in made.cases:
        _check_case(made, case)
    for name in fields(made.prompt):
        if name not in slots | {"ask"}:
            raise marked.mistake(f'the prompt speaks of "{name}".', "prompt", hint=advice(name, slots | {"ask"}))
    if made.distractors and made.distractors["say"] not in made.phrases:
        raise marked.mistake(
            "is no set of phrases.", "distractors", "say", hint=advice(made.distractors["say"], made.phrases)
        )


def line_of(alternatives: Sequence[str], form: int) -> int:
    """Which entry of a set holds its nth form: `a | b` are two."""
    owners = [number for number, text in enumerate(alternatives) for _ in _SEPARATOR.split(text)]
    return owners[form]


def _loose(parts: tuple[Part, ...]) -> str:
    """A brace or bracket that opens or closes nothing; "" without one."""
    for part in parts:
        text = part if isinstance(part, str) else _loose(part.parts) if isinstance(part, Maybe) else ""
        if found := _MARKS.search(text):
            return found[0]
    return ""


def _check_case(made: Declared, case: Case) -> None:
    marked, at = made.marked, ("cases", case.number)
    if case.ask not in made.phrases:
        raise marked.mistake(f'"{case.ask}" is no set of phrases.', *at, "ask", hint=advice(case.ask, made.phrases))
    for name, slot in case.slots.items():
        here = (*at, "slots", name)
        if "list" in slot:
            known = made.by if "by" in slot else made.lists
            if slot["list"] not in known:
                raise marked.mistake(
                    f'there is no list "{slot["list"]}"{" with `by`" if "by" in slot else ""}.',
                    *here,
                    "list",
                    hint=advice(slot["list"], known),
                )
        if "number" in slot and slot["number"][0] > slot["number"][1]:
            raise marked.mistake("the first number is above the second.", *here, "number")
        for hook in {slot[key] for key in ("hook", "as") if key in slot}:
            if hook not in HOOKS:
                raise marked.mistake(f'there is no hook "{hook}".', *here, hint=advice(hook, HOOKS))
        if "say" in slot and slot["say"] not in made.phrases:
            raise marked.mistake(
                f'"{slot["say"]}" is no set of phrases.', *here, "say", hint=advice(slot["say"], made.phrases)
            )
    answers = [("answer", case.answer)] + ([("unanswerable", case.unanswerable["answer"])] if case.unanswerable else [])
    for key, answer in answers:
        for name in (name for leaf in leaves(answer) for name in fields(leaf)):
            if name not in case.slots:
                raise marked.mistake(
                    f'the answer speaks of "{name}", which is no slot.', *at, key, hint=advice(name, case.slots)
                )
    without = case.unanswerable["without"] if case.unanswerable else []
    for name in [*without, *case.group, *conditions.slots(case.when)]:
        if name not in case.slots:
            raise marked.mistake(f'"{name}" is no slot of this case.', *at, hint=advice(name, case.slots))


def check_sizes(made: Declared) -> None:
    """No phrase may grow beyond all bounds: ten lines that say each other ten times are ten thousand million words."""
    longest: dict[str, int] = {}

    def length(parts: tuple[Part, ...]) -> int:
        total = 0
        for part in parts:
            if isinstance(part, str):
                total += len(part)
            elif isinstance(part, Maybe):
                total += length(part.parts)
            elif part.name in made.phrases:
                total += of(part.name)
        return total

    def of(name: str) -> int:
        if name not in longest:
            longest[name] = max(length(form.parts) for form in made.phrases[name])
        if longest[name] > LONGEST:
            raise made.marked.mistake(
                f'the phrases "{name}" can grow to {longest[name]:,} characters.', "phrases", name
            )
        return longest[name]

    for name in made.phrases:
        of(name)


def _said(parts: tuple[Part, ...]) -> Iterator[str]:
    for part in parts:
        if isinstance(part, Slot):
            yield part.name
        elif isinstance(part, Maybe):
            yield from _said(part.parts)


def advice(word: Any, known: Iterable[str]) -> str:
    names: Sequence[str] = sorted(known)
    near = difflib.get_close_matches(str(word), names, n=1)
    return f"Did you mean {near[0]}?" if near else f"There are: {', '.join(names[:30])}." if names else ""
