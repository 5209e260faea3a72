"""train: an adapter on the base, from the dataset's training rows, in PEFT's own format."""

from collections.abc import Iterable, Mapping
from typing import Any

from expertbuild.actions.base import base_directory
from expertbuild.graph import Action, Context


def _plugins(config: Mapping[str, Any]) -> Iterable[str]:
    from expertbuild.training.sft import modules

    return modules(config["adapter"], config["train"])


TRAIN = Action(
    name="train",
    version=1,
    reads=("adapter", "train", "decoding.system"),
    function="expertbuild.actions.train:train",
    libraries=("torch", "transformers", "peft"),
    plugins=_plugins,
)


def train(run: Context) -> None:
    """Fine-tune; checkpoints lie in the work directory, so a killed run goes on where it was."""
    from expertbuild.training.sft import train as fine_tune

    rows = run.inputs["dataset"]
    fine_tune(
        base_directory(run),
        rows / "train.jsonl",
        rows / "validation.jsonl",
        adapter=run.config["adapter"],
        settings=run.config["train"],
        out=run.out,
        work=run.work,
        seed=run.seed,
        report=run.report,
    )
