"""The training loop: gradient, clip, AdamW, schedule, checkpoints, and what people see meanwhile.

A run is decided by its job; whether one process computes it or two, in one go or after three kills, changes nothing
but the last bits of floating-point sums.
"""

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from expertbuild.training import checkpoint
from expertbuild.training.errors import TrainingMistake, TrainingProblem
from expertbuild.training.interruption import interruption
from expertbuild.training.job import Job
from expertbuild.training.memory import keep_freed
from expertbuild.training.packing import Pack, Sample, pack, split
from expertbuild.training.schedule import share
from expertbuild.training.settings import process_count, small
from expertbuild.training.student import Student
from expertbuild.training.team import Team

Report = Callable[..., None]

BETAS = (0.9, 0.99)  # short runs: the second moment must forget the first, wild steps
CHECKPOINT_SECONDS = 60.0  # also between two checkpoints by steps, for bases whose steps are slow


def run(job: Job, held_out: Sequence[Sample], work: Path, report: Report) -> tuple[Student, dict[str, Any]]:
    """Train; the student with its learned adapter, and the curve."""
    work.mkdir(parents=True, exist_ok=True)
    keep_freed()
    processes = process_count(job.settings, job.base, cuda=torch.cuda.is_available())
    threads = torch.get_num_threads()
    if processes > 1 or small(job.base):
        torch.set_num_threads(1)  # on a busy machine a second thread made a small base 50 times slower
    try:
        report(message="loading the base", total=job.settings.steps)
        with Team(job, processes, work) as team:  # helpers load the base while we do
            student = job.student()
            team.join(student)
            many = f"{processes} processes" if processes > 1 else "1 process"
            report(message=f"{student.size:,} numbers to learn; {student.note}; {many}")
            return student, _steps(job, student, team, held_out, work, report)
    finally:
        torch.set_num_threads(threads)


def _steps(
    job: Job, student: Student, team: Team, held_out: Sequence[Sample], work: Path, report: Report
) -> dict[str, Any]:
    settings = job.settings
    rate = _rate(job)
    values = torch.nn.Parameter(team.values)
    values.grad = team.grads[0]
    optimizer = torch.optim.AdamW([values], lr=rate, betas=BETAS, weight_decay=settings.weight_decay)
    losses: list[float] = []
    validation: list[list[float]] = []
    first = _resume(job, work, team, optimizer, values, losses, validation)
    if first:
        report(message=f"going on from step {first}", step=first, total=settings.steps)
    looks = _packs(held_out, settings.micro_tokens)
    clock = Clock(job, first)
    saved = time.monotonic()
    with interruption() as asked:
        for step in range(first, settings.steps):
            loss = team.gradient(step)
            if not math.isfinite(loss):
                raise TrainingProblem(
                    f"the loss is not a number at step {step + 1}.", hint="Lower adapter.learning_rate."
                )
            torch.nn.utils.clip_grad_norm_([values], settings.gradient_clip)
            now = rate * share(step, steps=settings.steps, warmup=settings.warmup, schedule=settings.schedule)
            optimizer.param_groups[0]["lr"] = now
            optimizer.step()
            losses.append(round(loss, 5))
            done = step + 1
            if looks and (done % settings.eval_every == 0 or done == settings.steps):
                validation.append([done, round(_look(job, student, looks), 5)])
            last = done == settings.steps
            due = done % settings.checkpoint_every == 0 or time.monotonic() - saved > CHECKPOINT_SECONDS
            if due or last:
                checkpoint.save(work, job.identity, _state(done, values, optimizer, losses, validation))
                saved = time.monotonic()
            report(step=done, total=settings.steps, loss=loss, **clock.after(step))
            if asked.signal and not last:
                checkpoint.save(work, job.identity, _state(done, values, optimizer, losses, validation))
                asked.stop()
    return {
        "loss": losses,
        "validation": validation,
        "learning_rate": rate,
        "tokens": sum(job.tokens(step) for step in range(settings.steps)),
    }


class Clock:
    """Tokens per second over this run, and the seconds that are left."""

    def __init__(self, job: Job, first: int) -> None:
        self.job = job
        self.start = time.monotonic()
        self.first = first
        self.tokens = 0

    def after(self, step: int) -> dict[str, float]:
        self.tokens += self.job.tokens(step)
        passed = max(1e-9, time.monotonic() - self.start)
        done = step + 1 - self.first
        return {
            "tokens_per_second": round(self.tokens / passed, 1),
            "seconds_left": round(passed / done * (self.job.settings.steps - step - 1), 1),
        }


def _rate(job: Job) -> float:
    rate = job.settings.learning_rate
    rate = job.adapter.get("learning_rate") if rate is None else rate
    if not isinstance(rate, int | float) or not rate > 0:
        raise TrainingMistake(
            f"{rate!r} is not a learning rate.", where="adapter.learning_rate", hint="Give a number above 0."
        )
    return float(rate)


def _resume(
    job: Job,
    work: Path,
    team: Team,
    optimizer: torch.optim.Optimizer,
    values: torch.nn.Parameter,
    losses: list[float],
    validation: list[list[float]],
) -> int:
    """Take up this run's checkpoint if there is one; the first step to do."""
    state = checkpoint.load(work, job.identity)
    if state is None or state.values.shape != values.shape:
        return 0
    with torch.no_grad():
        values.copy_(state.values)
    optimizer.state[values] = {
        "step": torch.tensor(float(state.step)),
        "exp_avg": state.first.to(values.device),
        "exp_avg_sq": state.second.to(values.device),
    }
    losses += state.losses
    validation += state.validation
    return state.step


def _state(
    done: int,
    values: torch.nn.Parameter,
    optimizer: torch.optim.Optimizer,
    losses: list[float],
    validation: list[list[float]],
) -> checkpoint.State:
    moments = optimizer.state[values]
    tensors = (values.detach(), moments["exp_avg"], moments["exp_avg_sq"])
    copies = [tensor.to("cpu", copy=True) for tensor in tensors]
    return checkpoint.State(done, copies[0], copies[1], copies[2], losses, validation)


def _packs(samples: Sequence[Sample], micro_tokens: int) -> list[Pack]:
    lengths = [len(sample.tokens) for sample in samples]
    each_alone = [[number] for number in range(len(samples))]
    numbers = split(each_alone, lengths, micro_tokens) if samples else []
    return [pack([samples[number] for number in each]) for each in numbers]


def _look(job: Job, student: Student, packs: Sequence[Pack]) -> float:
    """The mean loss on rows that are not trained on."""
    student.model.eval()
    with torch.no_grad():
        student.run.begin()
        total = sum(
            float(job.objective.loss(student.run.logits(each), each))
            for each in (each.to(student.device) for each in packs)
        )
        student.run.end()
    student.model.train()
    return total / sum(len(each.targets) for each in packs)
