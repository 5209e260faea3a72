"""What a declared generator is, once it has been read; and what its parts speak of."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Any

from expertbuild.data.generators.declared import conditions
from expertbuild.data.generators.declared.manner import Manner
from expertbuild.data.generators.declared.marked import Marked
from expertbuild.data.generators.phrases import Grammar

BRACED = re.compile(r"\{(\w+)\}")


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
