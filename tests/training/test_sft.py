"""Training from rows to adapter files: it learns, it can be stopped, and how many processes compute it does not matter."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from expertbuild.training.errors import TrainingMistake, TrainingProblem
from expertbuild.training.methods.sft import train
from tests.tiny import tiny_base

ADAPTER = {"kind": "dora", "r": 4, "alpha": 8, "targets": "all-linear", "learning_rate": 0.02}
SETTINGS = {"steps": 12, "batch_tokens": 400, "length": 96, "precision": "fp32", "processes": 1, "eval_every": 6}
WORDS = ("the", "quick", "brown", "fox", "jumps", "over", "lazy", "dog", "and", "writes", "an", "answer")


def rows(count: int = 60) -> list[dict[str, Any]]:
    """ "Say it again": something that even a random base begins to learn."""
    made = []
    for number in range(count):
        words = " ".join(WORDS[(number * step) % len(WORDS)] for step in range(1, 3 + number % 5))
        made.append(
            {
                "id": str(number),
                "messages": [{"role": "user", "content": f"again: {words}"}],
                "answer": words,
                "stratum": "echo",
                "facts": {},
                "group": str(number),
            }
        )
    return made


def run(root: Path, name: str, adapter: dict[str, Any] = ADAPTER, report: Any = None, **more: Any) -> Path:
    out, work = root / name, root / f"{name}-work"
    out.mkdir(exist_ok=True)
    train(
        tiny_base(root),
        rows(),
        rows(4),
        adapter,
        SETTINGS | more,
        out,
        work,
        seed=3,
        report=report or (lambda **_: None),
    )
    return out


def files(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(out.iterdir())}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(tmp_path_factory.mktemp("trained"), "whole")


def test_the_loss_falls_on_rows_seen_and_not_seen(trained: Path) -> None:
    curve = json.loads((trained / "curve.json").read_text())
    assert len(curve["loss"]) == 12
    assert curve["loss"][-1] < 0.8 * curve["loss"][0]
    assert [step for step, _ in curve["validation"]] == [6, 12]
    assert curve["validation"][1][1] < curve["validation"][0][1]


def test_peft_reads_the_adapter_and_no_path_is_in_it(trained: Path) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    base: Any = AutoModelForCausalLM.from_pretrained(tiny_base(trained.parent), dtype=torch.float32)
    tokens = torch.tensor([[5, 6, 7, 8]])
    plain = base(tokens).logits
    assert not torch.allclose(PeftModel.from_pretrained(base, trained)(tokens).logits, plain, atol=1e-3)
    settings = json.loads((trained / "adapter_config.json").read_text())
    assert settings["base_model_name_or_path"] is None
    assert str(trained.parent) not in (trained / "adapter_config.json").read_text()
    assert settings["target_modules"] == sorted(settings["target_modules"])


def test_the_same_run_gives_the_same_bytes(trained: Path, tmp_path: Path) -> None:
    assert files(run(tmp_path, "again")) == files(trained)


def test_ctrl_c_saves_the_step_and_the_next_run_gives_the_result_of_one_go(trained: Path, tmp_path: Path) -> None:
    steps: list[int] = []

    def interrupt(**fields: Any) -> None:
        if fields.get("step") and "loss" in fields:
            steps.append(fields["step"])
            if fields["step"] == 5:
                os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, "stopped", report=interrupt)
    assert steps == [1, 2, 3, 4, 5], "the step under way is finished, no other is begun"
    assert not (tmp_path / "stopped" / "adapter_model.safetensors").exists()
    again = run(tmp_path, "stopped", report=lambda **fields: steps.append(fields["step"]) if "loss" in fields else None)
    assert steps == list(range(1, 13))
    whole, resumed = load_file(trained / "adapter_model.safetensors"), load_file(again / "adapter_model.safetensors")
    for name in whole:
        torch.testing.assert_close(resumed[name], whole[name], atol=1e-6, rtol=1e-5)
    assert (again / "curve.json").read_bytes() == (trained / "curve.json").read_bytes()


def test_a_kill_between_checkpoints_costs_only_the_steps_since_the_last_one(trained: Path, tmp_path: Path) -> None:
    class Killed(Exception):
        pass

    def kill(**fields: Any) -> None:
        if fields.get("step") == 7:
            raise Killed

    first: list[int] = []
    with pytest.raises(Killed):
        run(tmp_path, "killed", report=kill, checkpoint_every=4)
    again = run(
        tmp_path,
        "killed",
        report=lambda **fields: first.append(fields["step"]) if "loss" in fields else None,
        checkpoint_every=4,
    )
    assert first[0] == 5
    whole, resumed = load_file(trained / "adapter_model.safetensors"), load_file(again / "adapter_model.safetensors")
    for name in whole:
        torch.testing.assert_close(resumed[name], whole[name], atol=1e-6, rtol=1e-5)


def test_two_processes_learn_what_one_learns(trained: Path, tmp_path: Path) -> None:
    two = run(tmp_path, "two", processes=2, micro_batch=2)
    one = load_file(trained / "adapter_model.safetensors")
    both = load_file(two / "adapter_model.safetensors")
    for name in one:
        torch.testing.assert_close(both[name], one[name], atol=2e-3, rtol=2e-2)
    loss, also = (json.loads((out / "curve.json").read_text())["loss"] for out in (trained, two))
    assert loss == pytest.approx(also, abs=2e-3)


def test_a_helper_that_dies_ends_the_run_with_one_sentence(tmp_path: Path) -> None:
    import psutil

    def helpers() -> list[Any]:
        """Ours alone: other libraries keep children of their own."""
        found = psutil.Process().children()
        return [each for each in found if "expertbuild.training.helper" in each.cmdline()]

    def kill_helpers(**fields: Any) -> None:
        if "numbers to learn" in fields.get("message", ""):
            assert helpers()
            for helper in helpers():
                helper.kill()

    with pytest.raises(TrainingProblem, match="a training process ended"):
        run(tmp_path, "orphan", processes=2, micro_batch=2, report=kill_helpers)
    assert not helpers()


def test_rows_that_are_too_long_are_left_out_and_said(tmp_path: Path) -> None:
    said: list[str] = []
    run(tmp_path, "short", length=24, steps=1, report=lambda **fields: said.append(fields.get("message", "")))
    assert any("longer than 24 tokens and left out" in each for each in said)
    with pytest.raises(TrainingMistake, match="none of the 60 training rows"):
        run(tmp_path, "none", length=5)


def test_a_rate_that_blows_up_is_said_and_not_saved(tmp_path: Path) -> None:
    with pytest.raises(TrainingProblem, match=r"not a number at step \d+.*learning_rate"):
        run(tmp_path, "wild", {**ADAPTER, "kind": "lora", "learning_rate": 1e30}, schedule="constant", warmup=0)
    with pytest.raises(TrainingMistake, match=r"adapter\.learning_rate"):
        run(tmp_path, "still", ADAPTER | {"learning_rate": None})
