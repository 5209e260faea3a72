"""A build that only writes down what it was asked for, so that composition can be tested alone."""

import json
import os
from pathlib import Path

from expertbuild.compose.jobs import Job
from runtime.errors import Mistake, Problem


def run(job: Job) -> int:
    """One line in the file that RECORD names; the seed says how it ends."""
    seed = job.config["seed"]
    entry = {
        "words": job.words,
        "expert": job.expert,
        "adapter": job.config["adapter"]["kind"],
        "bases": sorted(job.branches),
        "process": os.getpid(),
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
    return 0


def recorded() -> list[dict[str, object]]:
    file = Path(os.environ["RECORD"])
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []
