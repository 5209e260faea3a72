"""Each row by its own rules: the distributions of transformers, and seeds that mean something."""

import math
from collections import Counter
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from runtime.engine.errors import RequestRefused
from runtime.engine.penalties import History, penalise
from runtime.engine.sampler import Draw, Sampling, choose, uniform_number

VOCABULARY = 40


def theirs(logits: Tensor, rules: Sampling) -> Tensor:
    """The distribution that transformers' processors leave."""
    from transformers.generation import logits_process as process

    steps: list[Any] = [process.TemperatureLogitsWarper(rules.temperature)]
    if rules.top_k:
        steps.append(process.TopKLogitsWarper(rules.top_k))
    if rules.top_p < 1:
        steps.append(process.TopPLogitsWarper(rules.top_p))
    if rules.min_p:
        steps.append(process.MinPLogitsWarper(rules.min_p))
    scores = logits[None].clone()
    for step in steps:
        scores = step(None, scores)
    return scores[0].softmax(-1)


def ours(logits: Tensor, rules: Sampling, draws: int = 4000) -> Tensor:
    rows = [Draw(rules, 7, position, None) for position in range(draws)]
    tokens, _ = choose(logits.expand(draws, -1).clone(), rows)
    return torch.bincount(tokens, minlength=len(logits)) / draws


RULES = [
    Sampling(temperature=1.0),
    Sampling(temperature=0.4),
    Sampling(temperature=1.7, top_k=5),
    Sampling(temperature=1.0, top_p=0.6),
    Sampling(temperature=1.2, min_p=0.2),
    Sampling(temperature=1.5, top_k=12, top_p=0.8, min_p=0.05),
    Sampling(temperature=1.0, top_p=1e-6),
    Sampling(temperature=1.0, top_k=10_000),
]


@pytest.mark.parametrize("rules", RULES)
def test_tokens_come_as_often_as_transformers_would_draw_them(rules: Sampling) -> None:
    logits = torch.randn(VOCABULARY, generator=torch.Generator().manual_seed(1)) * 2
    expected, found = theirs(logits, rules), ours(logits, rules)
    assert not found[expected == 0].any(), "drew a token that the rules exclude"
    assert (expected - found).abs().max() < 0.03


@pytest.mark.parametrize("rules", [{}, {"top_p": 0.5}, {"top_k": 5, "min_p": 0.1}])
def test_a_temperature_next_to_zero_takes_the_likeliest_token(rules: dict[str, Any]) -> None:
    """Where logits divided by it are beyond all numbers, too; and never what a grammar rules out."""
    logits = torch.randn(VOCABULARY, generator=torch.Generator().manual_seed(2)) * 2
    logits[-1] = -math.inf
    rows = [Draw(Sampling(temperature=temperature, **rules), 3, 5) for temperature in (5e-324, 1e-308, 1e-300, 1e-30)]
    assert choose(logits.expand(len(rows), -1).clone(), rows)[0].tolist() == [int(logits.argmax())] * len(rows)


def test_rows_with_different_rules_do_not_disturb_each_other() -> None:
    logits = torch.randn(len(RULES) + 1, VOCABULARY, generator=torch.Generator().manual_seed(2))
    rows = [Draw(rules, 3, 5, None) for rules in [*RULES, Sampling()]]
    together, _ = choose(logits.clone(), rows)
    alone = [int(choose(logits[row : row + 1].clone(), rows[row : row + 1])[0]) for row in range(len(rows))]
    assert together.tolist() == alone
    assert together[-1] == int(logits[-1].argmax())


def test_the_repetition_penalty_is_that_of_transformers() -> None:
    from transformers.generation.logits_process import RepetitionPenaltyLogitsProcessor

    logits = torch.randn(3, VOCABULARY, generator=torch.Generator().manual_seed(3))
    history = [3, 5, 5, 39]
    seen = torch.zeros(VOCABULARY, dtype=torch.bool)
    seen[history] = True
    expected = RepetitionPenaltyLogitsProcessor(1.4)(torch.tensor([history]), logits[1:2].clone())
    found = logits.clone()
    rules = Sampling(repetition_penalty=1.4)
    penalise(found, [None, History(rules, seen), None])
    torch.testing.assert_close(found[1:2], expected)
    assert torch.equal(found[0], logits[0]) and torch.equal(found[2], logits[2])


@given(st.integers(-(2**70), 2**70), st.integers(0, 10**6))
def test_uniform_numbers_are_in_range_and_repeat(seed: int, position: int) -> None:
    number = uniform_number(seed, position)
    assert 0 <= number < 1 and number == uniform_number(seed, position)


def test_uniform_numbers_are_even_over_positions_and_over_seeds() -> None:
    for numbers in (
        [uniform_number(1, position) for position in range(20_000)],
        [uniform_number(seed, 0) for seed in range(20_000)],
    ):
        counts = Counter(int(number * 10) for number in numbers)
        assert all(abs(count - 2000) < 200 for count in counts.values())


def test_the_uniform_numbers_are_pinned() -> None:
    """A seed gives the same answer in the next release."""
    assert [uniform_number(0, 0), uniform_number(0, 1), uniform_number(42, 7)] == [
        0.15736142654322738,
        0.6514640857167637,
        0.8335222240858278,
    ]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, VOCABULARY - 1), st.sampled_from(RULES))
def test_a_single_allowed_token_is_always_taken(token: int, rules: Sampling) -> None:
    logits = torch.full((1, VOCABULARY), -math.inf)
    logits[0, token] = -3.0
    assert choose(logits, [Draw(rules, 1, 1, None)])[0].tolist() == [token]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_row_without_an_answer_is_told_apart(bad: float) -> None:
    logits = torch.zeros(3, VOCABULARY)
    logits[1] = bad
    rules = Sampling(temperature=1.0, top_p=0.5)
    _, largest = choose(logits, [Draw(rules, 1, row, None) for row in range(3)])
    assert torch.isfinite(largest).tolist() == [True, False, True]


@pytest.mark.parametrize(
    "wrong",
    [
        {"temperature": -1.0},
        {"temperature": math.nan},
        {"temperature": math.inf},
        {"top_p": 0.0},
        {"top_p": 1.1},
        {"top_p": math.nan},
        {"top_k": -1},
        {"top_k": 1.5},
        {"min_p": -0.1},
        {"min_p": math.nan},
        {"repetition_penalty": 0.0},
        {"repetition_penalty": math.nan},
        {"seed": "x"},
    ],
)
def test_values_that_mean_nothing_are_refused_by_name(wrong: dict[str, Any]) -> None:
    with pytest.raises(RequestRefused, match=next(iter(wrong))):
        Sampling(**wrong).check(VOCABULARY)
