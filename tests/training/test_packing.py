"""Which rows a step sees, and how they lie in memory."""

from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from expertbuild.training.packing import Beginning, Sample, beginnings, learned, pack, plan, split, weight

lengths_of_rows = st.lists(st.integers(2, 60), min_size=1, max_size=40)


@given(lengths_of_rows, st.integers(1, 8), st.integers(0, 5))
def test_every_row_comes_once_before_any_comes_twice(lengths: list[int], steps: int, seed: int) -> None:
    made = plan(lengths, steps=steps, batch_tokens=100, seed=seed)
    order = sorted(number for step in made for group in step for number in group)
    counts = [order.count(number) for number in range(len(lengths))]
    assert len(made) == steps
    assert max(counts) - min(counts) <= 1


@given(lengths_of_rows, st.integers(0, 5))
def test_a_step_stays_within_its_tokens_unless_one_row_alone_is_longer(lengths: list[int], seed: int) -> None:
    for step in plan(lengths, steps=5, batch_tokens=80, seed=seed):
        rows = [number for group in step for number in group]
        assert sum(lengths[number] for number in rows) <= 80 or len(rows) == 1


def test_the_plan_follows_from_the_seed() -> None:
    lengths = [3 + number % 7 for number in range(50)]

    def made(seed: int) -> list[list[list[int]]]:
        return plan(lengths, steps=9, batch_tokens=40, seed=seed)

    assert made(1) == made(1) != made(2)
    assert sorted(made(0)[0]) == [[6], [39], [43], [45], [46]], "the order of rows is part of what a build means"


@settings(max_examples=50)
@given(lengths_of_rows, st.integers(10, 100))
def test_packs_of_a_step_share_its_tokens_about_evenly(lengths: list[int], micro_tokens: int) -> None:
    packs = split([[number] for number in range(len(lengths))], lengths, micro_tokens)
    assert sorted(number for each in packs for number in each) == list(range(len(lengths)))
    sizes = [sum(lengths[number] for number in each) for each in packs]
    assert max(sizes) <= sum(lengths) / len(packs) + max(lengths) * len(lengths) ** 0.5 or len(packs) == 1


def test_two_processes_get_the_same_number_of_packs() -> None:
    assert len(split([[number] for number in range(30)], [10] * 30, 100)) == 4


def test_a_pack_learns_the_answers_and_reads_the_rest() -> None:
    made = pack([Sample([5, 6, 7, 8], 2), Sample([9, 10, 11], 1)])
    assert made.tokens.tolist() == [5, 6, 7, 8, 9, 10, 11]
    assert made.positions.tolist() == [0, 1, 2, 3, 0, 1, 2]
    assert made.targets.tolist() == [7, 8, 10, 11]
    assert torch.equal(made.tokens[made.where + 1], made.targets)
    assert learned([Sample([5, 6, 7, 8], 2)]) == 2


@pytest.mark.parametrize("steps", [1, 3])
def test_one_row_is_enough(steps: int) -> None:
    assert plan([7], steps=steps, batch_tokens=4, seed=0) == [[[0]]] * steps


SCHEMA, OTHER = list(range(100, 140)), list(range(200, 230))


def asked(beginning: list[int], *questions: int) -> list[Sample]:
    """Samples that begin alike and go on with these."""
    return [Sample([*beginning, 1, question, 2, 3, question], len(beginning) + 4) for question in questions]


def test_rows_that_begin_alike_are_found_wherever_they_stand() -> None:
    first, second = asked(SCHEMA, 50, 51, 52), asked(OTHER, 60, 61)
    alone = Sample([*range(300, 340), 7], 40)
    found = beginnings([first[0], second[0], alone, first[1], second[1], first[2]])
    assert [each.length for each in found] == [41, 31, 0, 41, 31, 41]
    assert found[0].family == found[3].family == found[5].family != found[1].family == found[4].family


def test_a_beginning_is_of_prompts_and_ends_before_what_is_learned() -> None:
    same = [Sample([*SCHEMA, answer], len(SCHEMA)) for answer in (1, 2)]
    assert [each.length for each in beginnings(same)] == [len(SCHEMA) - 1] * 2
    assert pack(same, beginnings(same)).targets.tolist() == [1, 2]


def test_a_short_beginning_is_no_family() -> None:
    assert {each.length for each in beginnings(asked(SCHEMA[:20], 50, 51))} == {0}


def test_a_long_system_prompt_makes_one_family_of_all_rows() -> None:
    system = list(range(1000, 1200))
    rows = [row for number in range(9) for row in asked([*system, number], 50)]
    assert {each.length for each in beginnings(rows)} == {200}
    assert len({each.family for each in beginnings(rows)}) == 1


def test_a_pack_has_what_its_samples_have_in_common_once() -> None:
    rows = [*asked(SCHEMA, 50, 51), *asked(OTHER, 60)]
    made = pack(rows, beginnings(rows))
    assert made.tokens.tolist() == [*SCHEMA, 1, 50, 2, 3, 50, 51, 2, 3, 51, *OTHER, 1, 60, 2, 3, 60]
    assert made.positions.tolist() == [*range(45), *range(41, 45), *range(35)]
    assert (made.lengths, made.common) == ((45, 45, 35), (0, 41, 0))
    assert made.targets.tolist() == [50, 51, 60]
    assert torch.equal(made.tokens[made.where + 1], made.targets)


families = st.lists(st.integers(1, 6), min_size=1, max_size=12)


@given(families, st.integers(1, 5), st.integers(0, 3))
def test_rows_of_a_family_stand_together_and_its_beginning_counts_once(
    sizes: list[int], together: int, seed: int
) -> None:
    alike = [Beginning(family, 30 if size > 1 else 0) for family, size in enumerate(sizes) for _ in range(size)]
    lengths = [40 + number % 5 for number in range(len(alike))]
    made = plan(lengths, steps=6, batch_tokens=100, seed=seed, beginnings=alike, together=together)
    for step in made:
        assert all(len(group) <= together for group in step)
        assert all(len({alike[number].family for number in group}) == 1 for group in step)
        assert sum(weight(group, lengths, alike) for group in step) <= 100
    counts = Counter(number for step in made for group in step for number in group)
    assert max(counts.values()) - min(counts[number] for number in range(len(alike))) <= 1


def test_early_steps_are_like_late_ones() -> None:
    """Half of the rows have a family: as many of those that a first step sees, and of those that the last one does."""
    alike = [Beginning(number // 4, 30) for number in range(400)] + [Beginning(1000 + n, 0) for n in range(400)]
    made = plan([40] * 800, steps=30, batch_tokens=500, seed=0, beginnings=alike, together=4)
    shares = [
        sum(len(group) for step in part for group in step if len(group) > 1)
        / sum(len(group) for step in part for group in step)
        for part in (made[:10], made[20:])
    ]
    assert all(0.35 < share < 0.65 for share in shares)


def test_a_family_stays_in_one_pack() -> None:
    groups = [[0, 1, 2], [3], [4, 5], [6], [7]]
    alike = [Beginning(0, 5)] * 3 + [Beginning(3, 0)] + [Beginning(4, 10)] * 2 + [Beginning(6, 0), Beginning(7, 0)]
    packs = split(groups, [10, 11, 12, 30, 20, 21, 9, 8], 60, alike)
    assert len(packs) == 2
    for group in groups:
        assert sum(set(group) <= set(each) for each in packs) == 1
