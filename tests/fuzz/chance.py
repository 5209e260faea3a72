"""Inputs without a fuzzer: valid beginnings and what was found before, mutated a few times each by chance."""

import random
from collections.abc import Iterator
from pathlib import Path

from tests.fuzz.targets import LONGEST, TARGETS

CORPUS = Path(__file__).parent / "corpus"


def kept(name: str) -> list[Path]:
    """Inputs that once found something in this target, or that are worth keeping."""
    return sorted(path for path in (CORPUS / name).glob("*") if path.is_file())


def beginnings(name: str) -> list[bytes]:
    return [*TARGETS[name].seeds(), *(path.read_bytes() for path in kept(name))]


def by_chance(name: str, chance: random.Random) -> Iterator[bytes]:
    """Without end."""
    pool = beginnings(name)
    while True:
        data = chance.choice(pool)
        for _ in range(chance.choice((1, 1, 2, 3, 5))):
            data = TARGETS[name].mutate(data, chance)[:LONGEST]
        yield data
