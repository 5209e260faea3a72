"""The fused pass gives what transformers + PEFT give, and packed samples do not see each other."""

from pathlib import Path

import pytest
import torch

from expertbuild.training.adapters import ADAPTERS, kind_of
from expertbuild.training.fused.decoder import Decoder, unfit
from expertbuild.training.packing import beginnings, pack
from expertbuild.training.plain import PlainPass
from tests.training.students import adapted, alike, alone, samples

# A soft prompt changes no layer and has a pass of its own (test_soft_prompts).
CASES = [(kind, "qwen3") for kind in sorted(ADAPTERS.modules.keys() - {"prompt", "prefix"})]
CASES += [("dora", "qwen2"), ("ia3", "qwen2"), ("lora", "llama"), ("ia3", "llama")]


@pytest.mark.parametrize(("kind", "architecture"), CASES)
def test_logits_and_gradients_are_those_of_peft_on_each_sample_alone(
    tmp_path: Path, kind: str, architecture: str
) -> None:
    model = adapted(tmp_path, kind, architecture)
    parameters = {name: each for name, each in model.named_parameters() if each.requires_grad}
    rows = samples()
    packed = pack(rows)
    expected = torch.cat([alone(model, row) for row in rows])
    torch.nn.functional.cross_entropy(expected, packed.targets, reduction="sum").backward()
    gradients = {name: each.grad.clone() for name, each in parameters.items()}
    model.zero_grad()

    fused = Decoder(model.get_base_model(), kind_of({"kind": kind}), torch.float32)
    fused.begin()
    got = fused.logits(packed)
    torch.nn.functional.cross_entropy(got, packed.targets, reduction="sum").backward()
    fused.end()

    torch.testing.assert_close(got, expected, atol=2e-4, rtol=1e-4)
    for name, parameter in parameters.items():
        largest = gradients[name].abs().max()
        assert largest > 0, name
        assert (parameter.grad - gradients[name]).abs().max() <= 1e-4 * largest, name


def test_gradients_of_several_packs_add_up(tmp_path: Path) -> None:
    model = adapted(tmp_path, "dora")
    parameters = [each for each in model.parameters() if each.requires_grad]
    fused = Decoder(model.get_base_model(), kind_of({"kind": "dora"}), torch.float32)
    rows = samples()

    def gradients(groups: list[list[int]]) -> list[torch.Tensor]:
        model.zero_grad()
        fused.begin()
        for group in groups:
            each = pack([rows[number] for number in group])
            torch.nn.functional.cross_entropy(fused.logits(each), each.targets, reduction="sum").backward()
        fused.end()
        return [parameter.grad.clone() for parameter in parameters]

    for one, two in zip(gradients([list(range(9))]), gradients([[0, 1, 2, 3], [4, 5, 6, 7, 8]]), strict=True):
        torch.testing.assert_close(one, two, atol=1e-4 * float(one.abs().max()), rtol=1e-4)


@pytest.mark.parametrize("kind", ["dora", "ia3", "lokr"])
@pytest.mark.parametrize(("longest_dense", "long_beginning"), [(1024, 192), (16, 192), (1024, 40), (16, 24)])
def test_a_beginning_that_is_read_once_gives_the_same_logits_and_gradients(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, longest_dense: int, long_beginning: int
) -> None:
    monkeypatch.setattr("expertbuild.training.fused.attention.LONGEST_DENSE", longest_dense)
    monkeypatch.setattr("expertbuild.training.fused.attention.LONG_BEGINNING", long_beginning)
    model = adapted(tmp_path, kind)
    parameters = [each for each in model.parameters() if each.requires_grad]
    fused = Decoder(model.get_base_model(), kind_of({"kind": kind}), torch.float32)
    rows = alike()
    shared = pack(rows, beginnings(rows))
    assert len(shared.tokens) < 0.7 * len(pack(rows).tokens)

    def learn(logits: torch.Tensor) -> list[torch.Tensor]:
        torch.nn.functional.cross_entropy(logits, shared.targets, reduction="sum").backward()
        fused.end()
        made = [parameter.grad.clone() for parameter in parameters]
        model.zero_grad()
        return made

    expected = torch.cat([alone(model, row) for row in rows])
    gradients = learn(expected)
    fused.begin()
    got = fused.logits(shared)
    torch.testing.assert_close(got, expected, atol=2e-4, rtol=1e-4)
    for one, two in zip(gradients, learn(got), strict=True):
        assert (one - two).abs().max() <= 1e-4 * one.abs().max()


@pytest.mark.parametrize("way", ["packed", "padded"])
def test_the_plain_pass_keeps_samples_apart_too(tmp_path: Path, way: str) -> None:
    model = adapted(tmp_path, "lora").eval()
    rows = samples()
    with torch.no_grad():
        expected = torch.cat([alone(model, row) for row in rows])
        got = getattr(PlainPass(model, torch.float32), way)(pack(rows))
    torch.testing.assert_close(got, expected, atol=2e-4, rtol=1e-4)


def test_a_long_sample_takes_the_flash_kernel_and_gives_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = adapted(tmp_path, "lora").eval()
    fused = Decoder(model.get_base_model(), kind_of({"kind": "lora"}), torch.float32)
    packed = pack(samples())
    with torch.no_grad():
        fused.begin()
        expected = fused.logits(packed)
        monkeypatch.setattr("expertbuild.training.fused.attention.LONGEST_DENSE", 16)
        torch.testing.assert_close(fused.logits(packed), expected, atol=2e-4, rtol=1e-4)


def test_what_it_does_not_know_is_named(tmp_path: Path) -> None:
    model = adapted(tmp_path, "lora").get_base_model()
    assert unfit(model) is None
    model.config.hidden_act = "gelu"
    assert "gelu" in str(unfit(model))
    model.config.model_type = "mamba"
    assert "mamba" in str(unfit(model))
