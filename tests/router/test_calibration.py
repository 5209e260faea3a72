"""Scores that can be compared, thresholds that keep their word."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.router import calibration


@pytest.mark.parametrize("rate", [0.02, 0.05, 0.2])
def test_a_conformal_threshold_turns_away_no_more_of_its_own_kind_than_stated(rate: float) -> None:
    """Averaged over many splits, as the guarantee is; 400 splits of 99 held-out scores."""
    generator = np.random.default_rng(1)
    rejected, stated = [], []
    for _ in range(400):
        value, bound = calibration.conformal(generator.standard_t(3, 99), rate)
        rejected.append((generator.standard_t(3, 2000) < value).mean())
        stated.append(bound)
    assert np.mean(rejected) <= rate * 1.1 and max(stated) <= rate + 1e-9


def test_too_few_prompts_state_the_larger_rate_they_can_show() -> None:
    assert calibration.conformal(np.arange(4.0), 0.05) == (0.0, 0.2)


@given(st.lists(st.floats(-10, 10, width=32), min_size=40, max_size=200))
def test_no_more_of_the_court_passes_than_may(court: list[float]) -> None:
    scores = np.array(court, np.float32)
    bound = calibration.court_bound(scores)
    assert (scores >= bound).mean() <= calibration.COURT_MAY_PASS


def test_a_threshold_raised_by_the_court_says_what_that_costs() -> None:
    own, court = np.linspace(0, 10, 100), np.linspace(-2, 5, 200)
    found = calibration.threshold(own, court, 0.05)
    assert found.value > 4.8 and found.rate == pytest.approx((own < found.value).mean(), abs=0.02)


def test_a_head_that_is_far_above_everything_does_not_ask_for_more_than_the_furthest() -> None:
    assert calibration.threshold(np.full(100, 30.0), np.zeros(100), 0.05).value == calibration.FURTHEST


def test_the_threshold_is_where_the_probability_is_one_half() -> None:
    chances = calibration.probability(np.array([-100, -1, 0, 1, 100], np.float32))
    assert chances[2] == 0.5 and (np.diff(chances) > 0).all() and chances.min() >= 0 and chances.max() <= 1
    assert calibration.probability(np.array([calibration.margin_for(0.8)], np.float32))[0] == pytest.approx(0.8)


def test_a_head_that_looks_calm_in_court_is_measured_by_its_length() -> None:
    """A head that is zero wherever the court looks would otherwise have an infinite score everywhere else."""
    found = calibration.scale(np.zeros(100, np.float32), np.full(64, 1, np.float32))
    assert found.apply(np.ones(1, np.float32))[0] == pytest.approx(1 / (0.005 * 8))
