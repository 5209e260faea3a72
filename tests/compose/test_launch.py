"""Jobs through a launcher of Hydra's."""

import os

import pytest

from expertbuild.compose.command import Command
from expertbuild.compose.faults import ConfigMistake
from expertbuild.compose.launch import launch
from tests.compose import recording
from tests.compose.recording import recorded


@pytest.fixture(autouse=True)
def record(workspace, monkeypatch, tmp_path):
    monkeypatch.setenv("RECORD", str(tmp_path / "record"))


def test_joblib_runs_jobs_in_other_processes_and_leaves_nothing_here(workspace, capfd):
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher.joblib_launcher")
    words = ("expert=expert-json", "adapter=ia3,lora", "hydra/launcher=processes")
    assert launch(Command(words, multirun=True), recording.run, recording.settle) == 0
    entries = recorded()
    assert sorted(str(entry["adapter"]) for entry in entries) == ["ia3", "lora"]
    assert os.getpid() not in {entry["process"] for entry in entries}
    assert all(entry["apart"] for entry in entries)
    assert list(workspace.folder.iterdir()) == []
    assert capfd.readouterr().out == ""


def test_what_a_launcher_built_is_settled_here_and_what_failed_is_not(workspace, capfd):
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher.joblib_launcher")
    words = ("expert=expert-json", "seed=0,1,5", "hydra/launcher=processes")
    assert launch(Command(words, multirun=True), recording.run, recording.settle) == 1
    assert recording.settled() == ["expert=expert-json seed=0", "expert=expert-json seed=5"]
    said = capfd.readouterr().err.splitlines()
    assert said[-3:] == ["1 of 3 builds failed:", "#1 : expert=expert-json seed=1", "     train: the disk is full."]


def test_what_is_wrong_is_told_before_a_launcher_starts(workspace):
    words = ("expert=expert-json", "train.steps=0", "hydra/launcher=joblib")
    with pytest.raises(ConfigMistake, match=r"train.steps must be at least 1"):
        launch(Command(words, multirun=True), recording.run, recording.settle)
    assert recorded() == []


def test_hydras_own_settings_reach_a_single_build_too(workspace):
    assert (
        launch(Command(("expert=expert-json", "+hydra.job.env_set.COLOUR=blue")), recording.run, recording.settle) == 0
    )
    assert len(recorded()) == 1
    assert "COLOUR" not in os.environ
    assert list(workspace.folder.iterdir()) == []
