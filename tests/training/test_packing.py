"""Which rows a step sees, and how they lie in memory."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from expertbuild.training.packing import Sample, learned, pack, plan, split

lengths_of_rows = st.lists(st.integers(2, 60), min_size=1, max_size=40)


@given(lengths_of_rows, st.integers(1, 8), st.integers(0, 5))
def test_every_row_comes_once_before_any_comes_twice(lengths: list[int], steps: int, seed: int) -> None:
    made = plan(lengths, steps=steps, batch_tokens=100, micro_tokens=50, seed=seed)
    order = sorted(number for step in made for packs in step for number in packs)
    counts = [order.count(number) for number in range(len(lengths))]
    assert len(made) == steps
    assert max(counts) - min(counts) <= 1


@given(lengths_of_rows, st.integers(0, 5))
def test_a_step_stays_within_its_tokens_unless_one_row_alone_is_longer(lengths: list[int], seed: int) -> None:
    for step in plan(lengths, steps=5, batch_tokens=80, micro_tokens=40, seed=seed):
        rows = [number for packs in step for number in packs]
        assert sum(lengths[number] for number in rows) <= 80 or len(rows) == 1


def test_the_plan_follows_from_the_seed() -> None:
    lengths = [3 + number % 7 for number in range(50)]

    def made(seed: int) -> list[list[list[int]]]:
        return plan(lengths, steps=9, batch_tokens=40, micro_tokens=20, seed=seed)

    assert made(1) == made(1) != made(2)
    assert made(0)[0] == [[43, 45, 39], [46, 6]], "the order of rows is part of what a build means"


@settings(max_examples=50)
@given(lengths_of_rows, st.integers(10, 100))
def test_packs_of_a_step_share_its_tokens_about_evenly(lengths: list[int], micro_tokens: int) -> None:
    packs = split(range(len(lengths)), lengths, micro_tokens)
    assert sorted(number for each in packs for number in each) == list(range(len(lengths)))
    sizes = [sum(lengths[number] for number in each) for each in packs]
    assert max(sizes) <= sum(lengths) / len(packs) + max(lengths) * len(lengths) ** 0.5 or len(packs) == 1


def test_two_processes_get_the_same_number_of_packs() -> None:
    assert len(split(range(30), [10] * 30, 100)) == 4


def test_a_pack_learns_the_answers_and_reads_the_rest() -> None:
    made = pack([Sample([5, 6, 7, 8], 2), Sample([9, 10, 11], 1)])
    assert made.tokens.tolist() == [5, 6, 7, 8, 9, 10, 11]
    assert made.positions.tolist() == [0, 1, 2, 3, 0, 1, 2]
    assert made.targets.tolist() == [7, 8, 10, 11]
    assert torch.equal(made.tokens[made.where + 1], made.targets)
    assert learned([Sample([5, 6, 7, 8], 2)]) == 2


@pytest.mark.parametrize("steps", [1, 3])
def test_one_row_is_enough(steps: int) -> None:
    assert plan([7], steps=steps, batch_tokens=4, micro_tokens=4, seed=0) == [[[0]]] * steps
