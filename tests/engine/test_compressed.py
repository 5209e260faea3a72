"""Every kind of adapter stored in every way: the engine computes from it what PEFT computes, as nearly as it should."""

from pathlib import Path

import pytest
import torch

from expertbuild.actions.compile import COMPRESSIONS, _peft, _require
from expertbuild.training.lowering import lower
from runtime.artifact.slots import read_slots
from runtime.engine.engine import Engine
from runtime.errors import Problem
from tests.engine.conftest import Trained

TOKENS = [5, 17, 300, 41, 8, 99, 250, 12, 33]
# Random adapters, ten times as strong as trained ones: the largest difference of a logit, as a share of the largest
# difference that the adapter makes.
ALLOWED = {"none": 1e-4, "bf16": 0.03, "int8": 0.05, "osd": 0.5}


def settings(compress: str) -> dict[str, object]:
    osd = {"rank": None, "density": 0.8, "numbers": "int8", "importance": "activations"}
    return {"compress": compress, "osd": osd, "tolerance": dict.fromkeys(ALLOWED, 0.01)}


@pytest.fixture(scope="module")
def engine(base: Path) -> Engine:
    return Engine.load(base)


@pytest.mark.parametrize("compress", sorted(ALLOWED))
@pytest.mark.parametrize("kind", ["lora", "rslora", "dora", "ia3", "loha", "lokr"])
def test_what_is_stored_computes_what_was_trained(
    base: Path, trained: dict[str, Trained], engine: Engine, kind: str, compress: str
) -> None:
    exact = lower(trained[kind].directory, base)
    [theirs], energies = _peft(base, trained[kind].directory, [TOKENS], exact.slots)
    data = COMPRESSIONS[compress](exact, settings(compress), energies)
    engine.attach("stored", read_slots(data), digest="stored")
    difference = (engine.last_logits(TOKENS, "stored") - theirs).abs().max()
    effect = (engine.last_logits(TOKENS) - theirs).abs().max()
    assert difference <= ALLOWED[compress] * effect


def test_what_the_layers_are_fed_is_measured_where_the_adapter_sits(base: Path, trained: dict[str, Trained]) -> None:
    exact = lower(trained["lora"].directory, base)
    _, energies = _peft(base, trained["lora"].directory, [TOKENS, TOKENS[:4]], exact.slots)
    assert energies.keys() == exact.slots.keys()
    for module, energy in energies.items():
        slot = exact.slots[module]
        assert slot.a is not None and energy.shape == (slot.a.shape[1],)
        assert bool((energy >= 0).all()) and bool(energy.any())
    at = "model.layers.0.self_attn."
    assert torch.equal(energies[f"{at}q_proj"], energies[f"{at}k_proj"]), "both are fed the same"


def test_a_difference_beyond_its_tolerance_is_a_sentence_that_says_which_setting_it_is() -> None:
    _require("int8", 0.01, settings("int8"), 8)
    with pytest.raises(Problem) as caught:
        _require("int8", 0.02, settings("int8"), 8)
    assert "2.00e-02 on 8 real prompts; 0.01 is allowed" in str(caught.value)
    assert "compile.tolerance.int8" in caught.value.hint
    with pytest.raises(Problem):
        _require("osd", float("nan"), settings("osd"), 8)
