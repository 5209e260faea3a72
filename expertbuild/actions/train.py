"""train: an adapter on the base, from the dataset's training rows, in PEFT's own format."""

from collections.abc import Iterable, Mapping
from typing import Any

from expertbuild.actions.base import base_directory
from expertbuild.graph import Action, Context


def _plugins(config: Mapping[str, Any]) -> Iterable[str]:
    from expertbuild.training.adapters import ADAPTERS
    from expertbuild.training.backends import BACKENDS

    return ADAPTERS.module(config["adapter"]["kind"]), BACKENDS.module(config["train"]["backend"])


TRAIN = Action(
    name="train",
    version=1,
    reads=("adapter", "train", "decoding.system"),
    function="expertbuild.actions.train:train",
    unkeyed=("train.processes", "train.fused", "train.micro_batch", "train.checkpoint_every", "train.device"),
    libraries=("torch", "transformers", "peft"),
    plugins=_plugins,
)


def train(run: Context) -> None:
    """Fine-tune; checkpoints lie in the work directory, so a killed run goes on where it was."""
    from expertbuild.data.rows import read_rows
    from expertbuild.training.methods.sft import train as fine_tune

    dataset = run.inputs["dataset"]
    fine_tune(
        base_directory(run),
        list(read_rows(dataset / "train.jsonl")),
        list(read_rows(dataset / "validation.jsonl")),
        run.config["adapter"],
        run.config["train"],
        run.out,
        run.work,
        seed=run.seed,
        system=run.config["decoding"]["system"],
        report=run.report,
    )
