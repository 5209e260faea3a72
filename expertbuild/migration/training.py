"""The numbers of an old training, as our steps, tokens and rates.

They belong to no base in particular, so every base of the manifest gets them. Where theirs and ours count differently
(epochs and steps, rows and tokens), the account says what was computed from what.
"""

import math
from dataclasses import dataclass
from typing import Any

from expertbuild.migration.adapters import SPELLED, leave
from expertbuild.migration.fields import Found, Section
from expertbuild.migration.older import Old
from expertbuild.migration.settling import keep_number

_EVERY = "bases/*.yaml: train"
_LENGTH = 512  # rows of a step are counted in tokens here; the longest row of conf/train/cpu.yaml
_MOST_STEPS = 1_000_000
_MOST_ROWS = 4096
_SCHEDULES = {"linear": "linear", "cosine": "cosine", "constant": "constant", "constant_with_warmup": "constant"}
_SUPERVISED = ("sft", "supervised", "supervised_fine_tuning", "finetune", "fine-tuning", "fine_tuning")
_NAMES = {
    "learning_rate": ("learning_rate", "lr"),
    "length": ("max_seq_length", "max_length", "max_seq_len", "cutoff_len"),
    "weight_decay": ("weight_decay",),
    "gradient_clip": ("max_grad_norm", "gradient_clip", "grad_clip"),
    "warmup": ("warmup_steps",),
    "steps": ("max_steps", "steps"),
    "batch": ("batch_size", "per_device_train_batch_size", "train_batch_size", "micro_batch_size"),
    "added": ("gradient_accumulation_steps", "grad_accum", "gradient_accumulation"),
    "epochs": ("epochs", "num_epochs", "num_train_epochs"),
    "ratio": ("warmup_ratio",),
    "schedule": ("lr_scheduler_type", "lr_scheduler", "scheduler", "schedule"),
    "bf16": ("bf16",),
}
_NO_PLACE = {
    "use_unsloth": "which backend trains is a matter of the machine: train.backend=unsloth asks for it",
    "optimizer": "the optimiser is not chosen here",
    "optim": "the optimiser is not chosen here",
    "fp16": "fp32 and bf16 are the precisions here",
    "gradient_checkpointing": "memory is saved by train.micro_batch here",
    "load_in_4bit": "a build here trains on the base's full weights",
    "load_in_8bit": "a build here trains on the base's full weights",
    "packing": "rows are always packed here",
}


@dataclass(frozen=True)
class Training:
    """`train` for every base, and the seed of the build."""

    section: Section
    values: dict[str, Any]
    seed: int | None


def read_training(old: Old) -> Training:
    section = old.training
    for name, why in _NO_PLACE.items():
        leave(section, (name,), why)
    seed = keep_number(old.account, section.whole("seed", "random_seed"), "expert.yaml: seed", 0, 2**32 - 1)
    made = _ranged(section)
    examples = old.dataset.whole("num_examples", "examples", "num_rows", "rows", "size", "num_samples")
    rows = _batch(section, made)
    _epochs(section, made, rows, examples)
    _warmup_ratio(section, made)
    _schedule(section, made)
    _precision(section, made)
    _method(section)
    return Training(section, made, seed)


def leave_training(old: Old) -> None:
    """Numbers that were tuned on a base nobody names hold for none."""
    for names in (*_NAMES.values(), *SPELLED.values()):
        leave(old.training, names, "tuned on a base that the manifest does not name")


def say_again(training: Training, values: dict[str, Any]) -> None:
    """What training repeats of an adapter: the same, or a contradiction."""
    section = training.section
    for key, names in SPELLED.items():
        found = section.number(*names)
        if found is None:
            continue
        if key not in values:
            section.account.doubted(found.path, "there is no adapter here that it fits")
        elif values[key] == found.value:
            section.account.dropped(found.path, "the adapter says the same")
        else:
            section.account.doubted(found.path, f"the adapter says {values[key]:g}, which was taken")


def _ranged(section: Section) -> dict[str, Any]:
    """What is the same number here and there."""
    made: dict[str, Any] = {}

    def keep(key: str, found: Found[Any] | None, least: float, most: float, above: bool = False) -> None:
        kept = keep_number(section.account, found, f"{_EVERY}.{key}", least, most, above=above)
        if kept is not None:
            made[key] = kept

    keep("learning_rate", section.number(*_NAMES["learning_rate"]), 0, 1, above=True)
    keep("length", section.whole(*_NAMES["length"]), 16, 131072)
    keep("weight_decay", section.number(*_NAMES["weight_decay"]), 0, 1)
    keep("gradient_clip", section.number(*_NAMES["gradient_clip"]), 0, 1e6, above=True)
    keep("warmup", section.whole(*_NAMES["warmup"]), 0, _MOST_STEPS)
    keep("steps", section.whole(*_NAMES["steps"]), 1, _MOST_STEPS)
    return made


def _batch(section: Section, made: dict[str, Any]) -> int | None:
    """Rows in a step: those in memory at once, times the steps that are added up."""
    account = section.account
    batch = section.whole(*_NAMES["batch"])
    added = section.whole(*_NAMES["added"])
    if added is not None and not 1 <= added.value <= _MOST_ROWS:
        account.doubted(added.path, "not a number of steps that are added up")
        added = None
    if batch is None or not 1 <= batch.value <= _MOST_ROWS:
        if batch is not None:
            account.doubted(batch.path, "not a number of rows in a step")
        if added is not None:
            account.dropped(added.path, "there is no batch size to go with it")
        return None
    length = made.get("length", _LENGTH)
    rows = batch.value * (added.value if added else 1)
    made |= {"micro_batch": batch.value, "batch_tokens": rows * length}
    why = f"a step is counted in tokens here: {rows} rows of at most {length}"
    for found in (batch, added):
        if found is not None:
            account.changed(found.path, f"{_EVERY}.micro_batch, train.batch_tokens", why)
    return rows


def _epochs(section: Section, made: dict[str, Any], rows: int | None, examples: Found[int] | None) -> None:
    account = section.account
    epochs = section.number(*_NAMES["epochs"])
    if epochs is None:
        return
    if "steps" in made:
        account.dropped(epochs.path, "the number of steps is said as well, and decides")
    elif epochs.value > 0 and rows and examples is not None and examples.value > 0:
        steps = math.ceil(epochs.value * examples.value / rows)
        if steps > _MOST_STEPS:
            account.doubted(epochs.path, f"{steps:,} steps are more than anybody trains an adapter for")
            return
        made["steps"] = steps
        why = f"{epochs.value:g} times {examples.value} rows, {rows} in a step"
        account.changed(epochs.path, f"{_EVERY}.steps", why)
    else:
        account.dropped(epochs.path, "steps are counted here, and how many rows there were is not known")


def _warmup_ratio(section: Section, made: dict[str, Any]) -> None:
    found = section.number(*_NAMES["ratio"])
    if found is None:
        return
    if "steps" in made and "warmup" not in made and 0 <= found.value <= 1:
        made["warmup"] = round(found.value * made["steps"])
        section.account.changed(found.path, f"{_EVERY}.warmup", f"of {made['steps']} steps")
    else:
        section.account.dropped(found.path, "steps are counted here, and how many there were is not known")


def _schedule(section: Section, made: dict[str, Any]) -> None:
    found = section.text(*_NAMES["schedule"])
    if found is None:
        return
    if found.value in _SCHEDULES:
        made["schedule"] = _SCHEDULES[found.value]
        section.account.carried(found.path, f"{_EVERY}.schedule")
    else:
        section.account.dropped(found.path, "no schedule that is known here; linear is used")


def _precision(section: Section, made: dict[str, Any]) -> None:
    found = section.flag(*_NAMES["bf16"])
    if found is not None:
        if found.value:
            made["precision"] = "bf16"
        section.account.changed(found.path, f"{_EVERY}.precision", "bf16" if found.value else "auto")


def _method(section: Section) -> None:
    found = section.text("method", "objective")
    if found is None:
        return
    if found.value.strip().lower() in _SUPERVISED:
        section.account.dropped(found.path, "supervised fine-tuning is what a build does when nothing else is said")
    else:
        section.account.doubted(found.path, "a migrated expert is trained by supervised fine-tuning")
