"""Soft prompts from rows to the machine: they learn, run as PEFT runs them, and come out of the compiler the same."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from expertbuild.training.adapters import kind_of
from expertbuild.training.errors import TrainingMistake
from expertbuild.training.lowering import lower
from expertbuild.training.packing import pack
from expertbuild.training.soft_prompts import PromptedPass
from runtime.engine.engine import Engine
from tests.tiny import tiny_base
from tests.training.students import adapted, samples
from tests.training.test_sft import run

KINDS = ["prompt", "prefix"]
ADAPTER = {"tokens": 18, "learning_rate": 0.05}


@pytest.mark.parametrize("kind", KINDS)
def test_a_pack_has_the_logits_of_its_samples_alone(tmp_path: Path, kind: str) -> None:
    """Behind the prompt, each in a row of its own; PEFT gives the prompt's places logits too, which nobody wants."""
    model = adapted(tmp_path, kind).eval()
    some = samples(5)
    with torch.no_grad():
        got = kind_of({"kind": kind}).through(model, torch.float32).logits(pack(some))  # type: ignore[attr-defined]
        expected = []
        for sample in some:
            logits = model(input_ids=torch.tensor([sample.tokens])).logits[0][-len(sample.tokens) :]
            expected.append(logits[sample.answer_from - 1 : -1])
    torch.testing.assert_close(got, torch.cat(expected), atol=2e-5, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_soft_prompt_learns_and_is_served_as_it_was_trained(tmp_path: Path, kind: str) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    out = run(tmp_path, kind, {"kind": kind} | ADAPTER)
    losses = json.loads((out / "curve.json").read_text())["loss"]
    assert sum(losses[-3:]) < sum(losses[:3]) * 0.97
    base = tiny_base(tmp_path)
    loader: Any = AutoModelForCausalLM
    model = PeftModel.from_pretrained(loader.from_pretrained(base, dtype=torch.float32), out).eval()
    engine = Engine.load(base)
    engine.attach("it", lower(out, base), "it")
    tokens = [1, 303, 201, 74, 75, 280]
    with torch.no_grad():
        expected = model(input_ids=torch.tensor([tokens])).logits[0, -1]
    torch.testing.assert_close(engine.last_logits(tokens, "it"), expected, atol=3e-5, rtol=0)


def test_there_is_no_fused_pass_to_insist_on(tmp_path: Path) -> None:
    with pytest.raises(TrainingMistake, match="prompt has no fused pass"):
        run(tmp_path, "fused", {"kind": "prompt"} | ADAPTER, fused=True)


def test_a_pass_behind_a_prompt_never_packs(tmp_path: Path) -> None:
    assert not PromptedPass(adapted(tmp_path, "prompt"), torch.float32).may_pack
