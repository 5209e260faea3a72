"""`expertbuild why expert=...`: what changed since each step of this build was last made."""

import sys

from expertbuild.beside import company_steps
from expertbuild.build import steps_of
from expertbuild.compose.command import read
from expertbuild.compose.jobs import jobs
from expertbuild.graph import Cache, Status, why
from expertbuild.work import Work
from runtime.errors import Mistake


def main(words: list[str]) -> int:
    command = read(words)
    if command is None:
        raise Mistake("`why` takes the words of a build", hint="For example: expertbuild why expert=expert-json")
    for job in jobs(command):
        work = Work(job, steps_of(job))
        steps = [*work.steps, *(company_steps([work]).values() if work.packed else ())]
        reasons = why(steps, Cache(job.config["paths"]["cache"]), remote=job.config["remote_cache"])
        for reason in reasons:
            if reason.status is Status.HIT and not reason.changes:
                print(f"{reason.step}: up to date")
            for line in reason.lines() if reason.changes else []:
                print(line)
    sys.stdout.flush()
    return 0
