"""What a stopped run goes on from."""

from pathlib import Path

import torch

from expertbuild.training import checkpoint
from expertbuild.training.checkpoint import FILE, State


def state(step: int = 3) -> State:
    return State(step, torch.arange(4.0), torch.ones(4), torch.zeros(4), [2.0, 1.5, 1.0], [[2, 1.4]])


def test_what_was_saved_comes_back(tmp_path: Path) -> None:
    torch.manual_seed(5)
    checkpoint.save(tmp_path, "run", state())
    expected = torch.rand(3)
    torch.manual_seed(6)
    found = checkpoint.load(tmp_path, "run")
    assert found is not None
    assert (found.step, found.losses, found.validation) == (3, [2.0, 1.5, 1.0], [[2, 1.4]])
    assert torch.equal(found.values, torch.arange(4.0))
    assert torch.equal(torch.rand(3), expected), "chance goes on where it was"


def test_another_run_is_not_taken_up(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, "run", state())
    assert checkpoint.load(tmp_path, "another") is None


def test_no_checkpoint_and_a_broken_one_mean_a_start_from_the_beginning(tmp_path: Path) -> None:
    assert checkpoint.load(tmp_path, "run") is None
    checkpoint.save(tmp_path, "run", state())
    whole = (tmp_path / FILE).read_bytes()
    for size in (0, 7, 20, len(whole) - 5):
        (tmp_path / FILE).write_bytes(whole[:size])
        assert checkpoint.load(tmp_path, "run") is None


def test_a_kill_while_saving_leaves_the_last_one(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, "run", state(3))
    (tmp_path / (FILE + ".new")).write_bytes(b"half")
    found = checkpoint.load(tmp_path, "run")
    assert found is not None and found.step == 3
