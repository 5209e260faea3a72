"""Supervised fine-tuning: learn to give the answer of each row, word for word. The prompt is read, not learned."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from expertbuild.data.encoding import ChatTokenizer, encode_row
from expertbuild.training.adapter_files import write_adapter
from expertbuild.training.errors import TrainingMistake
from expertbuild.training.job import Job
from expertbuild.training.loop import run
from expertbuild.training.packing import Pack, Sample
from expertbuild.training.settings import Settings
from runtime.engine.tokenizer import Tokenizer

Row = Mapping[str, Any]


def loss(logits: Tensor, pack: Pack) -> Tensor:
    """The summed loss of a pack's learned tokens."""
    return torch.nn.functional.cross_entropy(logits, pack.targets, reduction="sum")


def train(
    base: Path,
    train_rows: Sequence[Row],
    validation_rows: Sequence[Row],
    adapter: Mapping[str, Any],
    settings: Mapping[str, Any],
    out: Path,
    work: Path,
    *,
    seed: int = 0,
    system: str | None = None,
    report: Callable[..., None] = lambda **_: None,
) -> None:
    """Train an adapter for a base directory on rows; write it to `out` in PEFT's format, with its curve.

    `work` survives a kill: a run that finds its own checkpoint there goes on from it. `adapter` and `settings` are the
    `adapter` and `train` parts of a configuration; `system` is the prompt under which the expert will be asked.
    """
    chosen = Settings.read(settings)
    tokenizer = Tokenizer.load(base)
    samples = encode(train_rows, tokenizer, chosen.length, system, report)
    held_out = encode(list(validation_rows)[: chosen.eval_rows], tokenizer, chosen.length, system, report)
    if not samples:
        raise TrainingMistake(
            f"none of the {len(train_rows)} training rows is within {chosen.length} tokens.",
            where="train.length",
            hint="Raise train.length or look at the dataset.",
        )
    job = Job("sft", Path(base), adapter, chosen, seed, tuple(samples))
    student, curve = run(job, held_out, work, report)
    write_adapter(student.model, out)
    (out / "curve.json").write_text(json.dumps(curve, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def encode(
    rows: Sequence[Row],
    tokenizer: ChatTokenizer,
    length: int,
    system: str | None,
    report: Callable[..., None],
) -> list[Sample]:
    """Rows as samples; those longer than `length` are left out, and said."""
    samples = []
    longest = 0
    for row in rows:
        prompt, answer = encode_row(row, tokenizer, system)
        longest = max(longest, len(prompt) + len(answer))
        if len(prompt) + len(answer) <= length:
            samples.append(Sample(prompt + answer, len(prompt)))
    left_out = len(rows) - len(samples)
    if left_out:
        report(
            message=f"{left_out} of {len(rows)} rows are longer than {length} tokens and left out; the longest has {longest}"
        )
    return samples
