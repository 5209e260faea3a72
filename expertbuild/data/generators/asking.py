"""How people ask: polite, plain, in a hurry. Wraps the forms that a task generator brings.

Forms are split into those for training and those held out, so that a test can ask in words that training never used.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Forms:
    """The forms of one kind of request: templates for `str.format`."""

    train: Sequence[str]
    held_out: Sequence[str]

    def choose(self, rng: random.Random, part: str) -> str:
        if part == "all":
            return rng.choice([*self.train, *self.held_out])
        return rng.choice(self.train if part == "train" else self.held_out)


# Only a request that begins with one of these can stand after "Could you".
VERBS = (
    *("Arrange", "Break", "Count", "Display", "Find", "Fix", "Get", "Give", "List", "Look", "Name", "Print", "Put"),
    *("Repair", "Return", "Show", "Tell", "Work"),
)
BEFORE = Forms(("Please", "Can you", "Could you", "I want you to"), ("Kindly", "Would you", "I would like you to"))


def polite(rng: random.Random, part: str, request: str, chance: float = 0.12) -> str:
    """Sometimes "Could you ...?" around a request that is an order."""
    if request.split()[0] not in VERBS or rng.random() >= chance:
        return request
    before = BEFORE.choose(rng, part)
    ends = "?" if before.endswith("you") and not before.startswith("I ") else "."
    return f"{before} {request[0].lower()}{request[1:].rstrip('.')}{ends}"
