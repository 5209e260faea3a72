"""The `train` part of a configuration."""

from pathlib import Path

import pytest
import yaml

from expertbuild.training.errors import TrainingMistake
from expertbuild.training.settings import Settings, process_count
from runtime.home import shipped

SHIPPED = sorted(path.name for path in (shipped("conf") / "train").glob("*.yaml"))


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_training_configuration_is_understood(name: str) -> None:
    folder = shipped("conf") / "train"
    settings = yaml.safe_load((folder / name).read_text())
    for other in settings.pop("defaults", []):  # a variant of another
        settings = yaml.safe_load((folder / f"{other}.yaml").read_text()) | settings
    Settings.read(settings)


def test_an_unknown_setting_is_named_with_the_nearest_known_one() -> None:
    with pytest.raises(TrainingMistake, match=r'train\.stepps.*Did you mean "steps"'):
        Settings.read({"stepps": 3})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"steps": 0}, r"train\.steps: 0"),
        ({"schedule": "sine"}, "linear, cosine, constant"),
        ({"precision": "fp8"}, "auto, bf16, fp32"),
    ],
)
def test_a_value_that_cannot_be_is_refused(given: dict[str, object], said: str) -> None:
    with pytest.raises(TrainingMistake, match=said):
        Settings.read(given)


def test_processes_are_as_many_as_asked_and_one_for_a_gpu(tmp_path: Path) -> None:
    assert process_count(Settings(processes=3), tmp_path, cuda=False) == 3
    assert process_count(Settings(processes=3), tmp_path, cuda=True) == 1
    (tmp_path / "model.safetensors").touch()
    with (tmp_path / "model.safetensors").open("r+b") as file:
        file.truncate(2**30)
    assert process_count(Settings(), tmp_path, cuda=False) == 1, "a large base is not copied into every process"
