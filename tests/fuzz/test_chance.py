"""A short fuzz of every reader in the ordinary tests: mutations by chance, the same on every machine."""

import random
from itertools import islice

import pytest

from tests.fuzz.chance import by_chance
from tests.fuzz.targets import TARGETS, attempt

# A few seconds in all: what validates against a schema costs a millisecond, what hashes a package four.
RUNS = {"statement": 300, "manifest": 300, "envelope": 300, "package": 150}


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_but_refusals_and_what_passes_the_oracle(name):
    results = [attempt(TARGETS[name], data) for data in islice(by_chance(name, random.Random(20)), RUNS.get(name, 1000))]  # fmt: skip
    assert any(results), "everything was refused: the mutations are too coarse to reach the depth"
    assert not all(results), "nothing was refused: the mutations change nothing"
