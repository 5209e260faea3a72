"""A declared generator as it stands in its file, read and checked: every name is known, nothing refers to itself, nothing
explodes. What is wrong is told with its line.
"""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from expertbuild.data.generators.declared.checks import advice, check_names, check_sizes, line_of
from expertbuild.data.generators.declared.manner import Manner
from expertbuild.data.generators.declared.marked import Marked, read
from expertbuild.data.generators.declared.shape import Case, Declared, Item, Items, refers
from expertbuild.data.generators.phrases import Grammar, grammar
from expertbuild.data.generators.words import in_part
from expertbuild.data.generators.words import words as listed
from runtime.home import shipped

MOST_WEIGHT = 1_000_000
LONGEST_LIST = 8 * 1024 * 1024  # bytes of a file of values


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
        tuple(_case(marked, number) for number in range(len(document["cases"]))),
        document.get("system", ""),
        document.get("prompt", "{ask}"),
        Manner(**document.get("manner", {})),
        document.get("distractors"),
        document.get("paraphrases", 1),
    )
    check_names(made)
    check_sizes(made)
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
            raise marked.mistake(f'there is no key "{key[:60]}" here.', *place, key, hint=advice(key, known))
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
                at = ("phrases", name, line_of(alternatives, number))
                raise marked.mistake(f"a weight is a whole number from 1 to {MOST_WEIGHT:,}.", *at)
    return made


def _case(marked: Marked, number: int) -> Case:
    given = marked.value["cases"][number]
    slots = given.get("slots", {})
    order = TopologicalSorter({name: refers(slot) for name, slot in slots.items()})
    for name, slot in slots.items():
        for other in refers(slot):
            if other not in slots:
                place = ("cases", number, "slots", name)
                raise marked.mistake(
                    f'the slot "{name}" refers to "{other}", which is no slot.', *place, hint=advice(other, slots)
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
