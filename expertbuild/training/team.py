"""Several processes, one per core, that compute the gradient of one step together.

Two processes on two cores are faster than two threads for small matrices. They share memory, not messages: the
parameters and one row of gradients per process lie in a mapped file, and a line through a pipe says which step is
due. Each helper is a fresh interpreter, not a fork, so that no lock or thread of ours is copied into it. A helper
that loses its leader ends by itself.
"""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO

import torch
from torch import Tensor

import expertbuild
from expertbuild.training.errors import TrainingProblem
from expertbuild.training.job import Job
from expertbuild.training.student import Student


def memory(path: Path, processes: int, size: int) -> Tensor:
    """Row 0: the parameters. Row 1 + n: the gradients of process n."""
    return torch.from_file(str(path), shared=True, size=(processes + 1) * size, dtype=torch.float32).view(
        processes + 1, size
    )


def gradient(job: Job, student: Student, step: int, share: int, of: int) -> float:
    """Add this process's part of a step to its gradients; its part of the step's mean loss."""
    weight = job.weight(step)
    total = 0.0
    student.run.begin()
    for each in job.packs(step, share, of, shared=student.run.shares):
        each = each.to(student.device)
        loss = job.objective.loss(student.run.logits(each), each) / weight
        loss.backward()
        total += float(loss.detach())
    student.run.end()
    return total


class Team:
    """The leader's side. Helpers start at once and load the base while the leader does; `join` brings all together."""

    values: Tensor
    grads: Tensor  # a row for each process; after `gradient`, row 0 is the whole step's

    def __init__(self, job: Job, processes: int, work: Path) -> None:
        self.job = job
        self.processes = processes
        self.shared_file = work / "shared.bin"
        self.helpers: list[subprocess.Popen[str]] = []
        if processes > 1:
            self._start(work)

    def __enter__(self) -> "Team":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def join(self, student: Student) -> None:
        """Put the student's parameters where the helpers can see them."""
        self.student = student
        if self.processes > 1:
            shared = memory(self.shared_file, self.processes, student.size)
        else:
            shared = torch.empty(2, student.size, device=student.device)
        shared.zero_()
        self.values, self.grads = shared[0], shared[1:]
        student.lay_out(self.values, self.grads[0], keep=True)

    def gradient(self, step: int) -> float:
        """The gradient of a whole step, in `grads[0]`, and its mean loss."""
        self.grads.zero_()
        for helper in self.helpers:
            self._tell(helper, step)
        loss = gradient(self.job, self.student, step, 0, self.processes)
        for number, helper in enumerate(self.helpers, 1):
            loss += float(self._hear(helper))
            self.grads[0].add_(self.grads[number])
        return loss

    def close(self) -> None:
        """End the helpers: politely, then not."""
        for helper in self.helpers:
            for pipe in (helper.stdin, helper.stdout):
                if pipe is not None:
                    with suppress(BrokenPipeError):  # a word for a helper that is dead is still in the pipe
                        pipe.close()
        for helper in self.helpers:
            try:
                helper.wait(timeout=2)
            except subprocess.TimeoutExpired:
                helper.kill()
                helper.wait()
        self.helpers = []
        self.shared_file.unlink(missing_ok=True)

    def _start(self, work: Path) -> None:
        file = work / "job.json"
        self.job.write(file)
        path = [str(Path(expertbuild.__file__).parent.parent), os.environ.get("PYTHONPATH", "")]
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(filter(None, path)),
            "OMP_NUM_THREADS": "1",
            "TOKENIZERS_PARALLELISM": "false",
        }
        for number in range(1, self.processes):
            command = [sys.executable, "-m", "expertbuild.training.helper", str(file), str(self.shared_file)]
            with (work / f"helper-{number}.log").open("w") as log:
                self.helpers.append(
                    subprocess.Popen(
                        [*command, str(number), str(self.processes)],
                        stdin=subprocess.PIPE,
                        stdout=subprocess.PIPE,
                        stderr=log,
                        text=True,
                        env=environment,
                        start_new_session=True,  # Ctrl-C reaches the leader alone, which ends the step first
                    )
                )

    def _tell(self, helper: subprocess.Popen[str], step: int) -> None:
        try:
            pipe = _open(helper.stdin)
            pipe.write(f"{step}\n")
            pipe.flush()
        except BrokenPipeError:
            self._lost(helper)

    def _hear(self, helper: subprocess.Popen[str]) -> str:
        answer = _open(helper.stdout).readline()
        if not answer:
            self._lost(helper)
        return answer

    def _lost(self, helper: subprocess.Popen[str]) -> None:
        code = helper.wait()
        raise TrainingProblem(
            f"a training process ended with code {code}.",
            where="train.processes",
            hint="Run again: training goes on from its last checkpoint. With train.processes=1 it needs less memory.",
        )


def _open(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe
