"""OSD: what is kept is what matters, by the singular values and by what the layer is fed."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from expertbuild.training.osd import damage
from runtime.artifact.slots import Slot, SlotRecord

MODULE = "model.layers.0.mlp.up_proj"


def record(rank=6, outputs=40, inputs=32, seed=0):
    """A decaying spectrum, as trained adapters have."""
    random = torch.Generator().manual_seed(seed)
    fall = 0.6 ** torch.arange(rank)
    a = torch.randn(rank, inputs, generator=random) * fall[:, None]
    slot = Slot(a=a, b=torch.randn(outputs, rank, generator=random), g_out=torch.randn(outputs, generator=random))
    return SlotRecord("dora", {MODULE: slot})


def update(record):
    slot = record.slots[MODULE]
    return slot.b @ slot.a


def error(made, exact, weights=1.0):
    return float(((update(made) - update(exact)) * weights).square().sum())


@settings(max_examples=25, deadline=None)
@given(rank=st.integers(1, 12), outputs=st.integers(1, 30), inputs=st.integers(1, 30), seed=st.integers(0, 99))
def test_with_everything_kept_the_update_is_unchanged(rank, outputs, inputs, seed):
    exact = record(rank, outputs, inputs, seed)
    made = damage(exact, {}, rank=None, density=1.0)
    assert torch.allclose(update(made), update(exact), atol=1e-4)


@pytest.mark.parametrize("density", [0.1, 0.25, 0.5])
def test_the_share_that_was_asked_for_is_kept_and_gains_pass_unchanged(density):
    exact = record()
    slot = damage(exact, {}, rank=None, density=density).slots[MODULE]
    kept = int((slot.a != 0).sum() + (slot.b != 0).sum())
    assert kept == pytest.approx(density * (slot.a.numel() + slot.b.numel()), abs=1)
    assert slot.g_out is exact.slots[MODULE].g_out


def test_the_rank_is_cut_to_the_best_update_of_that_rank():
    exact = record()
    made = damage(exact, {}, rank=2, density=1.0)
    assert made.slots[MODULE].a.shape[0] == 2
    values = torch.linalg.svdvals(update(exact))
    assert error(made, exact) == pytest.approx(float(values[2:].square().sum()), rel=1e-3)


def test_more_kept_is_never_worse_and_importance_beats_chance():
    exact = record(seed=3)
    errors = [error(damage(exact, {}, rank=None, density=d), exact) for d in (0.2, 0.4, 0.6, 0.8, 1.0)]
    assert errors == sorted(errors, reverse=True)
    random = torch.Generator().manual_seed(0)
    whole = damage(exact, {}, rank=None, density=1.0).slots[MODULE]
    chance = Slot(
        a=whole.a * (torch.rand(whole.a.shape, generator=random) < 0.4),
        b=whole.b * (torch.rand(whole.b.shape, generator=random) < 0.4),
    )
    assert errors[1] < 0.5 * error(SlotRecord("dora", {MODULE: chance}), exact)


def test_inputs_that_are_small_on_the_prompts_give_way_to_those_that_are_large():
    exact = record(inputs=64)
    energy = torch.ones(64)
    energy[:32] = 1e-6
    made = damage(exact, {MODULE: energy}, rank=None, density=0.4)
    a = made.slots[MODULE].a
    assert (a[:, :32] != 0).float().mean() < 0.1 < (a[:, 32:] != 0).float().mean()
    blind = damage(exact, {}, rank=None, density=0.4)
    assert error(made, exact, energy.sqrt()) < 0.8 * error(blind, exact, energy.sqrt())


def test_a_layer_that_is_never_fed_or_was_never_trained_stays_finite():
    exact = record()
    idle = damage(exact, {MODULE: torch.zeros(32)}, rank=None, density=0.5).slots[MODULE]
    assert bool(torch.isfinite(idle.a).all()) and bool((idle.a != 0).any())
    fresh = SlotRecord("lora", {MODULE: Slot(a=torch.randn(4, 32), b=torch.zeros(40, 4))})
    made = damage(fresh, {}, rank=None, density=0.5).slots[MODULE]
    assert not (made.b @ made.a).any() and bool(torch.isfinite(made.a).all())


def test_records_without_factors_pass_unchanged():
    exact = SlotRecord("ia3", {MODULE: Slot(g_out=torch.randn(40))})
    assert damage(exact, {}, rank=2, density=0.1).slots[MODULE] is exact.slots[MODULE]
