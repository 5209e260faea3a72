"""A build that only writes down what it was asked for, so that composition can be tested alone."""

import json
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from expertbuild.compose.ended import Ended, attempt
from expertbuild.compose.jobs import Job
from runtime.errors import Mistake, Problem


def run(jobs: Sequence[Job], *, apart: bool = False) -> list[Ended]:
    return [attempt(partial(_one, job, apart)) for job in jobs]


def settle(jobs: Sequence[Job]) -> list[Ended]:
    """One line beside the file that RECORD names, for each."""
    with Path(os.environ["RECORD"] + ".settled").open("a", encoding="utf-8") as file:
        file.writelines(f"{job.words}\n" for job in jobs)
    return [Ended() for _ in jobs]


def _one(job: Job, apart: bool) -> Ended:
    """One line in the file that RECORD names; the seed says how it ends."""
    seed = job.config["seed"]
    entry = {
        "words": job.words,
        "expert": job.expert,
        "adapter": job.config["adapter"]["kind"],
        "bases": sorted(job.branches),
        "process": os.getpid(),
        "apart": apart,
    }
    with Path(os.environ["RECORD"]).open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")
    if seed == 1:
        raise Problem("the disk is full.", where="train")
    if seed == 2:
        raise Mistake("that will not do.")
    if seed == 3:
        raise KeyboardInterrupt
    if seed == 4:
        raise ZeroDivisionError
    return Ended()


def recorded() -> list[dict[str, object]]:
    file = Path(os.environ["RECORD"])
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []


def settled() -> list[str]:
    return Path(os.environ["RECORD"] + ".settled").read_text(encoding="utf-8").splitlines()
