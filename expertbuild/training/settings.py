"""The `train` part of a configuration as one typed value, with a default for every key.

What a key means stands in conf/train/*.yaml. `processes` and `fused` change how fast a result is reached, not which:
the rows of each step and their order depend on the data, the seed and the batch size alone.
"""

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from expertbuild.training.errors import TrainingMistake

SCHEDULES = ("linear", "cosine", "constant")

# A base whose weights are larger than this is not copied into a process per core.
LARGEST_COPIED_BASE = 256 * 2**20


@dataclass(frozen=True)
class Settings:
    backend: str = "peft"
    steps: int = 600
    batch_tokens: int = 4096
    length: int = 512
    together: int = 1  # rows that begin alike and stand together in a step
    micro_batch: int = 8  # rows of `length` that may be in memory at once
    learning_rate: float | None = None  # None: the adapter's own
    warmup: int = 20
    schedule: str = "linear"
    weight_decay: float = 0.0
    gradient_clip: float = 1.0
    precision: str = "auto"  # "auto" | "bf16" | "fp32"
    checkpoint_every: int = 100
    eval_every: int = 100
    eval_rows: int = 64
    processes: int | str = "auto"
    fused: bool | str = "auto"
    device: str = "auto"

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> "Settings":
        """The settings of a configuration; an unknown key or a value that cannot be is named."""
        known = [field.name for field in fields(cls)]
        for key in given:
            if key not in known:
                near = difflib.get_close_matches(key, known, n=1)
                raise TrainingMistake(
                    f'there is no training setting "{key}".',
                    where=f"train.{key}",
                    hint=f'Did you mean "{near[0]}"?' if near else "",
                )
        made = cls(**given)
        for key in ("steps", "batch_tokens", "length", "together", "micro_batch", "checkpoint_every", "eval_every"):
            if not isinstance(getattr(made, key), int) or getattr(made, key) < 1:
                raise TrainingMistake(f"{getattr(made, key)!r} is not a whole number above 0.", where=f"train.{key}")
        if made.schedule not in SCHEDULES:
            raise TrainingMistake(
                f'"{made.schedule}" is not a schedule.', where="train.schedule", hint=f"Known: {', '.join(SCHEDULES)}."
            )
        if made.precision not in ("auto", "bf16", "fp32"):
            raise TrainingMistake(
                f'"{made.precision}" is not a precision.', where="train.precision", hint="Known: auto, bf16, fp32."
            )
        return made

    @property
    def micro_tokens(self) -> int:
        """Tokens that go through the model at once."""
        return min(self.batch_tokens, self.micro_batch * self.length)


def cores() -> int:
    """The cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def small(base: Path) -> bool:
    """Whether a base is cheap to copy, and its products too small for several threads to share."""
    return sum(file.stat().st_size for file in base.glob("*.safetensors")) <= LARGEST_COPIED_BASE


def process_count(settings: Settings, base: Path, *, cuda: bool) -> int:
    """How many processes share a step: one per core for a small base on a CPU, else one."""
    if cuda:
        return 1
    if settings.processes != "auto":
        return max(1, int(settings.processes))
    packs = -(-settings.batch_tokens // settings.micro_tokens)
    return min(cores(), max(2, packs), 8) if small(base) else 1
