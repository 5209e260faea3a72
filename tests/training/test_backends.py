"""Backends by name, and what they say when they cannot."""

from pathlib import Path

import pytest
import torch

from expertbuild.catalogue import UnknownName
from expertbuild.training.backends import backend
from expertbuild.training.errors import MissingLibrary, TrainingMistake
from expertbuild.training.settings import Settings
from tests.tiny import tiny_base

LORA = {"kind": "lora", "r": 2, "alpha": 4, "targets": ["q_proj"]}


def test_an_unknown_backend_gets_a_suggestion() -> None:
    with pytest.raises(UnknownName, match=r'Did you mean "unsloth"'):
        backend("unslot")


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_unsloth_without_a_gpu_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(MissingLibrary, match=r"needs an NVIDIA GPU.*train\.backend=peft"):
        backend("unsloth").prepare(tmp_path, LORA, Settings(), 0)


def test_unsloth_refuses_adapters_it_does_not_train(tmp_path: Path) -> None:
    with pytest.raises(TrainingMistake, match="ia3"):
        backend("unsloth").prepare(tmp_path, {"kind": "ia3"}, Settings(), 0)


def test_dropout_and_large_bases_take_the_plain_pass_and_say_so(tmp_path: Path) -> None:
    base = tiny_base(tmp_path)
    assert "fused" in backend("peft").prepare(base, LORA, Settings(), 0).note
    assert "dropout" in backend("peft").prepare(base, LORA | {"dropout": 0.1}, Settings(), 0).note
    with pytest.raises(TrainingMistake, match="dropout"):
        backend("peft").prepare(base, LORA | {"dropout": 0.1}, Settings(fused=True), 0)


def test_a_base_that_only_looks_like_one_we_know_takes_the_plain_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transformers.models.qwen3.modeling_qwen3.rotate_half", lambda x: -x)
    assert "differs from the model" in backend("peft").prepare(tiny_base(tmp_path), LORA, Settings(), 0).note


def test_the_same_seed_gives_the_same_fresh_adapter(tmp_path: Path) -> None:
    base = tiny_base(tmp_path)
    one, two, other = (backend("peft").prepare(base, LORA, Settings(), seed) for seed in (1, 1, 2))
    assert all(torch.equal(one.parameters[name], two.parameters[name]) for name in one.parameters)
    assert not all(torch.equal(one.parameters[name], other.parameters[name]) for name in one.parameters)
