"""A declared generator as it stands in its file, read and checked: every name is known, nothing refers to itself, nothing
explodes. What is wrong is told with its line.
"""

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from string import Formatter
from typing import Any

from expertbuild.data.generators.declared import conditions
from expertbuild.data.generators.declared.hooks import HOOKS
from expertbuild.data.generators.declared.manner import Manner
from expertbuild.data.generators.declared.marked import Marked, read
from expertbuild.data.generators.phrases import Grammar, Maybe, Part, Slot, grammar
from expertbuild.data.generators.words import in_part
from expertbuild.data.generators.words import words as listed
from runtime.home import shipped

FORMAT = "questions/1"
MOST_WEIGHT = 1_000_000
LONGEST = 100_000  # characters of one question, at most
BRACED = re.compile(r"\{(\w+)\}")
_SEPARATOR = re.compile(r"(?:^|\s)\|(?:\s|$)")  # as phrases.py has it
LONGEST_LIST = 8 * 1024 * 1024  # bytes of a file of values


@dataclass(frozen=True)
class Item:
    """One value of a list: what it is, how it is said, how often it comes, whether training sees it."""

    value: Any
    said: tuple[str, ...] = ()
    weight: float = 1.0
    held_out: bool = False


Items = tuple[Item, ...]


@dataclass(frozen=True)
class Case:
    """One kind of question: its slots in an order in which each comes after those it refers to."""

    number: int
    stratum: str
    weight: float
    slots: Mapping[str, Mapping[str, Any]]
    ask: str
    answer: Any
    when: Mapping[str, Any]
    unanswerable: Mapping[str, Any] | None
    group: tuple[str, ...]


@dataclass(frozen=True)
class Declared:
    """A whole generator."""

    marked: Marked
    lists: Mapping[str, Items]
    by: Mapping[str, Mapping[str, Items]]  # lists for each value of another slot
    phrases: Grammar
    cases: tuple[Case, ...]
    system: str
    prompt: str
    manner: Manner
    distractors: Mapping[str, Any] | None
    paraphrases: int


def declared(path: Path) -> Declared:
    """The generator of this file."""
    marked = read(path)
    _check_shape(marked)
    document: Mapping[str, Any] = marked.value
    lists, by = _lists(marked, path.parent)
    phrases = _phrases(marked)
    made = Declared(
        marked,
        lists,
        by,
        phrases,
        tuple(_case(marked, number, phrases) for number in range(len(document["cases"]))),
        document.get("system", ""),
        document.get("prompt", "{ask}"),
        Manner(**document.get("manner", {})),
        document.get("distractors"),
        document.get("paraphrases", 1),
    )
    _check_names(made)
    _check_sizes(made)
    return made


def value_files(path: Path) -> list[Path]:
    """The files of values that a grammar names: they belong to the key of a build."""
    lists = (read(path).value or {}).get("lists")
    named = lists.values() if isinstance(lists, dict) else ()
    return [path.parent / str(each["file"]) for each in named if isinstance(each, dict) and "file" in each]


@cache
def _validator() -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(json.loads((shipped("schemas") / "questions.schema.json").read_text("utf-8")))


def _check_shape(marked: Marked) -> None:
    faults = sorted(
        _validator().iter_errors(marked.value), key=lambda fault: [str(step) for step in fault.absolute_path]
    )
    if faults:
        from jsonschema.exceptions import best_match

        fault = best_match(faults)
        place = tuple(fault.absolute_path)
        if fault.validator == "additionalProperties":
            known = list(fault.schema.get("properties", {}))
            key = next(key for key in fault.instance if key not in known)
            raise marked.mistake(f'there is no key "{key[:60]}" here.', *place, key, hint=_advice(key, known))
        said = fault.message if len(fault.message) < 200 else f"{fault.message[:200]}..."
        raise marked.mistake(f"{'.'.join(map(str, place)) or 'the file'} is not as it must be: {said}.", *place)


def _lists(marked: Marked, directory: Path) -> tuple[dict[str, Items], dict[str, dict[str, Items]]]:
    lists: dict[str, Items] = {}
    by: dict[str, dict[str, Items]] = {}
    for name, given in marked.value.get("lists", {}).items():
        place = ("lists", name)
        if isinstance(given, list):
            lists[name] = _items(given)
        elif "words" in given:
            try:
                lists[name] = tuple(Item(word, held_out=in_part(word, "held_out")) for word in listed(given["words"]))
            except KeyError:
                raise marked.mistake(f'there is no list of words "{given["words"]}".', *place, "words") from None
        elif "file" in given:
            lists[name] = _items(_file(marked, directory, given["file"], place))
        else:
            by[name] = {key: _items(values) for key, values in given["by"].items()}
    for name, items in lists.items():
        if all(item.held_out for item in items):
            raise marked.mistake(f'the list "{name}" leaves nothing to train on.', "lists", name)
    return lists, by


def _items(given: Iterable[Any]) -> Items:
    return tuple(_item(each) for each in given)


def _item(given: Any) -> Item:
    if isinstance(given, dict):
        said = given.get("said", ())
        texts = (said,) if isinstance(said, str) else tuple(map(str, said))
        return Item(given["value"], texts, given.get("weight", 1), given.get("held_out", False))
    if isinstance(given, str) and given.startswith("~"):
        return Item(given[1:].strip(), held_out=True)
    return Item(given)


def _file(marked: Marked, directory: Path, name: str, place: tuple[str, str]) -> list[str]:
    path = directory / name
    if not path.resolve().is_relative_to(directory.resolve()):
        raise marked.mistake(f"{name} leads outside the folder of this file.", *place, "file")
    try:
        if path.stat().st_size > LONGEST_LIST:
            raise marked.mistake(f"{name} has more than {LONGEST_LIST:,} bytes.", *place, "file")
        lines = path.read_bytes().decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise marked.mistake(f"{name} is not UTF-8.", *place, "file") from None
    except OSError as error:
        raise marked.mistake(f"{name} cannot be read: {error.strerror}.", *place, "file") from None
    found = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    if not found:
        raise marked.mistake(f"{name} holds no value.", *place, "file")
    return found


def _phrases(marked: Marked) -> Grammar:
    made: dict[str, Any] = {}
    for name, alternatives in marked.value["phrases"].items():
        if "{" + name + "}" in {alternative.strip("~ ") for alternative in alternatives}:
            raise marked.mistake(f'the phrases "{name}" say themselves.', "phrases", name)
        lines = [
            ("~ " if each.startswith("~") else " ") + each.lstrip("~ ").replace("\n", "\\n") for each in alternatives
        ]
        try:
            made |= grammar("\n".join([name, *lines]))
        except ValueError as error:
            raise marked.mistake(f"{error}.", "phrases", name) from None
        for number, form in enumerate(made[name]):
            if not 1 <= form.weight <= MOST_WEIGHT:
                at = ("phrases", name, _line_of(alternatives, number))
                raise marked.mistake(f"a weight is a whole number from 1 to {MOST_WEIGHT:,}.", *at)
    return made


def _case(marked: Marked, number: int, phrases: Grammar) -> Case:
    given = marked.value["cases"][number]
    slots = given.get("slots", {})
    order = TopologicalSorter({name: refers(slot) for name, slot in slots.items()})
    for name, slot in slots.items():
        for other in refers(slot):
            if other not in slots:
                place = ("cases", number, "slots", name)
                raise marked.mistake(
                    f'the slot "{name}" refers to "{other}", which is no slot.', *place, hint=_advice(other, slots)
                )
    try:
        names = list(order.static_order())
    except CycleError as error:
        circle = error.args[1]
        where = ("cases", number, "slots", circle[0])
        raise marked.mistake(f"slots refer to each other in a circle: {' -> '.join(circle)}.", *where) from None
    return Case(
        number,
        given["stratum"],
        given.get("weight", 1),
        {name: slots[name] for name in sorted(slots, key=names.index)},
        given["ask"],
        given["answer"],
        given.get("when", {}),
        given.get("unanswerable"),
        tuple(given.get("group", ())),
    )


def refers(slot: Mapping[str, Any]) -> list[str]:
    """The slots that a slot's value depends on."""
    found = list(conditions.slots(slot.get("when", {})))
    found += [slot["by"]] if "by" in slot else []
    found += list(slot.get("of", ()))
    found += fields(slot["text"]) if "text" in slot else []
    return list(dict.fromkeys(found))


def fields(template: str) -> list[str]:
    """The names in a template."""
    try:
        return [name for _, name, _, _ in Formatter().parse(template) if name is not None]
    except ValueError:
        return [""]  # no name: refused by whoever looks it up


def leaves(answer: Any) -> Iterator[str]:
    """The texts in an answer."""
    if isinstance(answer, str):
        yield answer
    elif isinstance(answer, dict):
        for each in answer.values():
            yield from leaves(each)
    elif isinstance(answer, list):
        for each in answer:
            yield from leaves(each)


def _check_names(made: Declared) -> None:
    """Every name that is said is a set, a list, or a slot of some case."""
    marked = made.marked
    slots = {name for case in made.cases for name in case.slots}
    known = slots | set(made.lists) | set(made.phrases)
    if both := sorted((slots | set(made.lists)) & set(made.phrases)):
        raise marked.mistake(f'"{both[0]}" is a set of phrases and a slot or a list.', "phrases", both[0])
    for name, forms in made.phrases.items():
        for number, form in enumerate(forms):
            for other in _said(form.parts):
                if other not in known:
                    at = ("phrases", name, _line_of(marked.value["phrases"][name], number))
                    raise marked.mistake(f'nothing is called "{other}".', *at, hint=_advice(other, known))
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
            raise marked.mistake(f'the prompt speaks of "{name}".', "prompt", hint=_advice(name, slots | {"ask"}))
    if made.distractors and made.distractors["say"] not in made.phrases:
        raise marked.mistake(
            "is no set of phrases.", "distractors", "say", hint=_advice(made.distractors["say"], made.phrases)
        )


def _line_of(alternatives: Sequence[str], form: int) -> int:
    """Which entry of a set holds its nth form: `a | b` are two."""
    owners = [number for number, text in enumerate(alternatives) for _ in _SEPARATOR.split(text)]
    return owners[form]


def _check_case(made: Declared, case: Case) -> None:
    marked, at = made.marked, ("cases", case.number)
    if case.ask not in made.phrases:
        raise marked.mistake(f'"{case.ask}" is no set of phrases.', *at, "ask", hint=_advice(case.ask, made.phrases))
    for name, slot in case.slots.items():
        here = (*at, "slots", name)
        if "list" in slot:
            known = made.by if "by" in slot else made.lists
            if slot["list"] not in known:
                raise marked.mistake(
                    f'there is no list "{slot["list"]}"{" with `by`" if "by" in slot else ""}.',
                    *here,
                    "list",
                    hint=_advice(slot["list"], known),
                )
        if "number" in slot and slot["number"][0] > slot["number"][1]:
            raise marked.mistake("the first number is above the second.", *here, "number")
        for hook in {slot[key] for key in ("hook", "as") if key in slot}:
            if hook not in HOOKS:
                raise marked.mistake(f'there is no hook "{hook}".', *here, hint=_advice(hook, HOOKS))
        if "say" in slot and slot["say"] not in made.phrases:
            raise marked.mistake(
                f'"{slot["say"]}" is no set of phrases.', *here, "say", hint=_advice(slot["say"], made.phrases)
            )
    answers = [("answer", case.answer)] + ([("unanswerable", case.unanswerable["answer"])] if case.unanswerable else [])
    for key, answer in answers:
        for name in (name for leaf in leaves(answer) for name in fields(leaf)):
            if name not in case.slots:
                raise marked.mistake(
                    f'the answer speaks of "{name}", which is no slot.', *at, key, hint=_advice(name, case.slots)
                )
    without = case.unanswerable["without"] if case.unanswerable else []
    for name in [*without, *case.group, *conditions.slots(case.when)]:
        if name not in case.slots:
            raise marked.mistake(f'"{name}" is no slot of this case.', *at, hint=_advice(name, case.slots))


def _check_sizes(made: Declared) -> None:
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


def _advice(word: Any, known: Iterable[str]) -> str:
    names: Sequence[str] = sorted(known)
    near = difflib.get_close_matches(str(word), names, n=1)
    return f"Did you mean {near[0]}?" if near else f"There are: {', '.join(names[:30])}." if names else ""
