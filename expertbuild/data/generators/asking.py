"""How people ask: polite, plain, in a hurry. Ways to put a request, split into those for training and those held out.

A held-out request has a sentence that training never uses. The smaller parts of it (how a comparison is said, which
verb begins it) are new in half of the cases: people change some of their words, not all of them at once.
"""

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from expertbuild.data.generators.tables import Column

COUNTED = ("count", "total")  # names that a question has a meaning of its own for
UNANSWERABLE = 0.04  # the share of questions that have no answer, where a task has such


@dataclass(frozen=True)
class Forms:
    """The forms of one kind of request, or of one part of it: templates for `str.format`."""

    train: Sequence[str]
    held_out: Sequence[str]

    def choose(self, rng: random.Random, part: str) -> str:
        """A sentence: held out when the phrasings are."""
        if part == "all":
            return rng.choice([*self.train, *self.held_out])
        return rng.choice(self.train if part == "train" else self.held_out)

    def part(self, rng: random.Random, part: str) -> str:
        """A part of a sentence: when phrasings are held out, one that training never uses in half of the cases."""
        return self.choose(rng, part if part != "held_out" or rng.random() < 0.5 else "train")


SHOW = Forms(
    (
        *("List", "Show", "Give", "Give me", "Show me", "Find", "Get", "Return", "Display", "Tell me", "Print"),
        *("Fetch", "Look up", "I need", "I want", "Report", "Write down", "I would like"),
    ),
    ("Retrieve", "Output", "Let me see", "Provide", "I want to see"),
)

# Only a request that begins with one of these can stand after "Could you".
VERBS = (
    *("Arrange", "Break", "Count", "Display", "Fetch", "Find", "Fix", "Get", "Give", "Go", "Group", "List", "Look"),
    *("Name", "Order", "Output", "Print", "Provide", "Put", "Repair", "Report", "Retrieve", "Return", "Show", "Sort"),
    *("Take", "Tell", "Work", "Write"),
)
BEFORE = Forms(
    ("Please", "Can you", "Could you", "I want you to", "Now"), ("Kindly", "Would you", "I would like you to")
)


def begun(rng: random.Random, part: str, form: str, **parts: str | int) -> str:
    """A form filled in; {Show} begins an order, {show} goes on with one."""
    first = SHOW.part(rng, part)
    later = first if first.startswith("I ") else first[0].lower() + first[1:]
    return form.format(Show=first, show=later, **parts)


def asked_about(columns: Sequence[Column], owners: Sequence[str], question: str, used: Collection[str]) -> list[Column]:
    """The columns that a question names and its query uses, and that no other column, nor what has them, is called much like.

    Without one of them the question has no answer, and nothing else could be meant; the count of the films could.
    """
    said = question.lower()
    return [
        column
        for column in columns
        if column.name in used
        and column.name not in COUNTED
        and not any(owner.lower().startswith(column.name[:-1]) for owner in owners)
        and (column.name in said or column.name.replace("_", " ") in said)
        and sum(bool(set(column.name.split("_")) & set(other.name.split("_"))) for other in columns) == 1
    ]


def polite(rng: random.Random, part: str, request: str, chance: float = 0.12) -> str:
    """Sometimes "Could you ...?" around a request that is an order."""
    if request.split()[0] not in VERBS or rng.random() >= chance:
        return request
    before = BEFORE.part(rng, part)
    ends = "?" if before.endswith("you") and not before.startswith("I ") else "."
    return f"{before} {request[0].lower()}{request[1:].rstrip('.')}{ends}"
