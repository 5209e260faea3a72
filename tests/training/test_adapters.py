"""Adapter kinds and targets by name."""

from typing import Any

import pytest
import torch
import yaml

from expertbuild.catalogue import UnknownName
from expertbuild.training.adapters import ADAPTERS, kind_of, resolve_targets
from expertbuild.training.errors import TrainingMistake
from runtime.home import shipped


def model() -> Any:
    return torch.nn.ModuleDict(
        {"q_proj": torch.nn.Linear(4, 4), "down_proj": torch.nn.Linear(4, 4), "lm_head": torch.nn.Linear(4, 9)}
    )


def test_all_linear_is_every_linear_layer_but_the_head() -> None:
    assert resolve_targets(model(), "all-linear") == ["down_proj", "q_proj"]


def test_a_target_that_the_base_does_not_have_is_named() -> None:
    with pytest.raises(TrainingMistake, match=r'"q_porj".*Did you mean "q_proj"'):
        resolve_targets(model(), ["q_porj"])


def test_an_unknown_kind_gets_a_suggestion() -> None:
    with pytest.raises(UnknownName, match=r'no adapter kind "doora".*Did you mean "dora"'):
        kind_of({"kind": "doora"})


def test_ia3_scales_inputs_only_of_its_targets() -> None:
    with pytest.raises(TrainingMistake, match="down_proj"):
        kind_of({"kind": "ia3"}).configure({"kind": "ia3", "feedforward": ["down_proj"]}, ["q_proj"])


@pytest.mark.parametrize("path", sorted((shipped("conf") / "adapter").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_adapter_can_be_configured(path: Any) -> None:
    adapter = yaml.safe_load(path.read_text())
    for name in adapter.pop("defaults", []):  # a variant of another
        adapter = yaml.safe_load(path.with_stem(name).read_text()) | adapter
    assert adapter["kind"] in ADAPTERS.modules
    made = kind_of(adapter).configure(adapter, adapter.get("targets", []))
    if "tokens" in adapter:
        assert made.num_virtual_tokens == adapter["tokens"] and made.is_prompt_learning
        return
    assert set(made.target_modules) == set(adapter["targets"])
    if "r" in adapter:
        assert made.r == adapter["r"]
