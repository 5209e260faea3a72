"""Intervals: published figures, and the coverage they promise."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expertbuild.evaluation.interval import difference, mean, tango, wilson


def test_wilson_gives_the_published_figures() -> None:
    """Newcombe (1998), Statistics in Medicine 17: 81 of 263, 15 of 148, 0 of 20, 1 of 29."""
    for right, n, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ):
        found = wilson(right, n)
        assert (round(found.low, 4), round(found.high, 4)) == (low, high)


def test_tango_gives_the_published_figures() -> None:
    """Fagerland, Lydersen, Laake (2014): airway hyper-responsiveness, 1 and 7 of 21 changed."""
    found = tango(1, 7, 21)
    assert (round(found.low, 3), round(found.high, 3)) == (-0.517, -0.026)


@given(st.integers(0, 60), st.integers(0, 60), st.integers(1, 200))
def test_an_interval_holds_its_figure_and_turns_with_it(better: int, worse: int, same: int) -> None:
    found, turned = tango(better, worse, better + worse + same), tango(worse, better, better + worse + same)
    assert -1 <= found.low <= found.value <= found.high <= 1
    assert found.low == pytest.approx(-turned.high, abs=1e-9)


@given(st.integers(0, 300), st.integers(1, 300), st.sampled_from([0.8, 0.95, 0.99]))
def test_wilson_holds_its_share(right: int, n: int, confidence: float) -> None:
    found = wilson(min(right, n), n, confidence)
    assert 0 <= found.low <= found.value <= found.high <= 1


@pytest.mark.parametrize(("gains", "losses", "n"), [(0.9, 0.0, 60), (0.1, 0.02, 40), (0.3, 0.3, 50)])
def test_tango_covers_the_truth_about_as_often_as_it_says(gains: float, losses: float, n: int) -> None:
    rng = random.Random("coverage")
    held = 0
    for _ in range(400):
        draws = [rng.random() for _ in range(n)]
        better = sum(draw < gains for draw in draws)
        worse = sum(gains <= draw < gains + losses for draw in draws)
        found = tango(better, worse, n)
        held += found.low <= gains - losses <= found.high
    assert 0.92 <= held / 400 <= 0.995


def test_scores_between_0_and_1_get_a_bootstrap_that_repeats() -> None:
    rng = random.Random(1)
    before = [rng.random() for _ in range(80)]
    after = [min(1.0, score + 0.2) for score in before]
    found = difference(after, before)
    assert found == difference(after, before)
    assert 0.1 < found.low < found.value < found.high <= 0.2 + 1e-9
    assert mean([0.5, 0.25, 0.75]).value == 0.5


def test_no_cases_mean_no_knowledge() -> None:
    assert (mean([]).low, mean([]).high) == (0.0, 1.0)
    assert (tango(0, 0, 0).low, tango(0, 0, 0).high) == (-1.0, 1.0)
