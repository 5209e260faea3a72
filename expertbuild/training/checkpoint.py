"""What a stopped training run goes on from: one safetensors file, replaced in one step, bound to its run.

A checkpoint names the run it belongs to (data, settings, adapter, seed); that of another run is ignored, not loaded.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

FILE = "checkpoint.safetensors"


@dataclass
class State:
    """Everything that the next step depends on, and the curve so far."""

    step: int
    values: Tensor
    first: Tensor  # AdamW's moments
    second: Tensor
    losses: list[float]
    validation: list[list[float]]  # [step, loss]


def save(work: Path, run: str, state: State) -> None:
    about = {"run": run, "step": state.step, "losses": state.losses, "validation": state.validation}
    tensors = {
        "values": state.values,
        "first": state.first,
        "second": state.second,
        "random": torch.get_rng_state(),
    }
    fresh = work / (FILE + ".new")
    save_file(tensors, fresh, metadata={"state": json.dumps(about)})
    with fresh.open("rb") as file:
        os.fsync(file.fileno())
    os.replace(fresh, work / FILE)


def load(work: Path, run: str) -> State | None:
    """The state that `run` left in this folder, or None."""
    try:
        with safe_open(work / FILE, framework="pt") as file:
            about = json.loads(file.metadata()["state"])
            if about["run"] != run:
                return None
            torch.set_rng_state(file.get_tensor("random"))
            return State(
                about["step"],
                file.get_tensor("values"),
                file.get_tensor("first"),
                file.get_tensor("second"),
                about["losses"],
                about["validation"],
            )
    except (FileNotFoundError, SafetensorError, KeyError, ValueError, TypeError):
        return None  # none there, or a broken one: start again
