"""Carrying out the jobs of a command: together here, or each through the launcher that was asked for.

All configurations are checked before the first job begins. One job that fails does not stop the others;
the end says which failed and why, and the worst outcome is the outcome of all.
"""

import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

from expertbuild.compose.command import Command
from expertbuild.compose.ended import Ended
from expertbuild.compose.jobs import Job, jobs


class Build(Protocol):
    """Builds some jobs; `apart`: others of the same command are built elsewhere."""

    def __call__(self, jobs: Sequence[Job], *, apart: bool = False) -> Sequence[Ended]: ...


Settle = Callable[[Sequence[Job]], Sequence[Ended]]


def launch(command: Command, build: Build, settle: Settle) -> int:
    """Build every job; the exit code is the worst of theirs. `settle` ends what was built apart."""
    made = jobs(command)
    if not all(job.plain for job in made):
        return _through_hydra(command, build, settle)
    if not command.multirun:
        return build(made)[0].code
    if made[0].config["log"] in ("auto", "plain"):
        for number, job in enumerate(made):
            print(f"#{number} : {job.words}", file=sys.stderr, flush=True)
    return _end([job.words for job in made], build(made))


def _through_hydra(command: Command, build: Build, settle: Settle) -> int:
    """The launcher, sweeper and callbacks of Hydra's that the command names decide where jobs run, and how."""
    from expertbuild.compose.session import session

    with session(command) as hydra:
        arguments: dict[str, Any] = {
            "config_name": command.config_name,
            "task_function": partial(_in_a_launcher, command=command, build=build, apart=command.multirun),
            "overrides": list(command.overrides),
        }
        if not command.multirun:
            return int(hydra.hydra.run(**arguments).return_value.code)
        done = [result for batch in hydra.hydra.multirun(**arguments) for result in batch]
    words = [" ".join(result.overrides or ()) for result in done]
    ended = [result.return_value for result in done]
    good = [number for number, each in enumerate(ended) if not each.code]
    if good:
        again = [_job(command, done[number].hydra_cfg.hydra.overrides) for number in good]
        for number, each in zip(good, settle(again), strict=True):
            ended[number] = each
    return _end(words, ended)


def _in_a_launcher(_: Any, *, command: Command, build: Build, apart: bool) -> Ended:
    """One job, in whatever process the launcher chose."""
    from hydra.core.hydra_config import HydraConfig

    return build([_job(command, HydraConfig.get().overrides)], apart=apart)[0]


def _job(command: Command, overrides: Any) -> Job:
    return jobs(command.with_overrides([*overrides.hydra, *overrides.task]))[0]


def _end(words: Sequence[str], ended: Sequence[Ended]) -> int:
    failed = [number for number, each in enumerate(ended) if each.code]
    if failed:
        print(f"{len(failed)} of {len(ended)} builds failed:", file=sys.stderr)
        for number in failed:
            print(f"#{number} : {words[number]}", file=sys.stderr)
            for why in ended[number].why:
                print(f"     {why}", file=sys.stderr)
    return max((each.code for each in ended), default=0)
