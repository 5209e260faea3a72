"""The learning rate of each step."""

import pytest

from expertbuild.training.schedule import share


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_it_rises_then_falls_to_almost_nothing(schedule: str) -> None:
    shares = [share(step, steps=100, warmup=10, schedule=schedule) for step in range(100)]
    assert shares[:11] == sorted(shares[:11])
    assert shares[10:] == sorted(shares[10:], reverse=True)
    assert max(shares) == 1.0
    assert 0 < shares[0] < 0.2 and 0 < shares[-1] < 0.02


def test_a_constant_rate_stays() -> None:
    assert {share(step, steps=9, warmup=0, schedule="constant") for step in range(9)} == {1.0}


def test_a_warm_up_longer_than_the_run_is_cut() -> None:
    assert share(2, steps=4, warmup=500, schedule="linear") > 0.4
