"""Carrying out the jobs of a command: one after the other here, or through the launcher that was asked for.

All configurations are checked before the first job begins. One job that fails does not stop the others;
the end says which failed, and the worst outcome is the outcome of all.
"""

import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from expertbuild.compose.command import Command
from expertbuild.compose.jobs import Job, jobs

Build = Callable[[Job], int]


def launch(command: Command, build: Build) -> int:
    """Build every job; the exit code is the worst of theirs."""
    made = jobs(command)
    if not all(job.plain for job in made):
        return _through_hydra(command, build)
    if not command.multirun:
        return build(made[0])
    codes = []
    for number, job in enumerate(made):
        if job.config["log"] in ("auto", "plain"):
            print(f"#{number} : {job.words}", file=sys.stderr, flush=True)
        codes.append(build(job))
    return _end([job.words for job in made], codes)


def _through_hydra(command: Command, build: Build) -> int:
    """The launcher, sweeper and callbacks of Hydra's that the command names decide where jobs run, and how."""
    from expertbuild.compose.session import session

    with session(command) as hydra:
        arguments: dict[str, Any] = {
            "config_name": command.config_name,
            "task_function": partial(_in_a_launcher, command=command, build=build),
            "overrides": list(command.overrides),
        }
        if not command.multirun:
            return int(hydra.hydra.run(**arguments).return_value)
        done = [result for batch in hydra.hydra.multirun(**arguments) for result in batch]
    words = [" ".join(result.overrides or ()) for result in done]
    return _end(words, [int(result.return_value) for result in done])


def _in_a_launcher(_: Any, *, command: Command, build: Build) -> int:
    """One job, in whatever process the launcher chose."""
    from hydra.core.hydra_config import HydraConfig

    overrides = HydraConfig.get().overrides
    return build(jobs(command.with_overrides([*overrides.hydra, *overrides.task]))[0])


def _end(words: Sequence[str], codes: Sequence[int]) -> int:
    failed = [number for number, code in enumerate(codes) if code]
    if failed:
        print(f"{len(failed)} of {len(codes)} builds failed:", file=sys.stderr)
        for number in failed:
            print(f"#{number} : {words[number]}", file=sys.stderr)
    return max(codes, default=0)
