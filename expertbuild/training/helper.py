"""A helper process of a training team: reads step numbers, computes its share of the gradient, answers the loss.

Started by `team.py` alone: `python -m expertbuild.training.helper JOB MEMORY NUMBER OF`.
"""

import os
import sys
from pathlib import Path

import torch

from expertbuild.training.job import Job
from expertbuild.training.memory import keep_freed
from expertbuild.training.team import gradient, memory


def main(job_file: str, shared_file: str, number: int, of: int) -> None:
    # Libraries may print; only our answers go to the leader.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    torch.set_num_threads(1)
    keep_freed()
    job = Job.read(Path(job_file))
    student = job.student()
    joined = False
    for line in sys.stdin:
        if not joined:  # the leader makes the memory once it knows its size
            shared = memory(Path(shared_file), of, student.size)
            student.lay_out(shared[0], shared[1 + number], keep=False)
            joined = True
        answers.write(f"{gradient(job, student, int(line), number, of)!r}\n")
        answers.flush()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
