"""From a command to its jobs: one checked, plain configuration for each build it asks for.

What a person asks twice is composed once: an answer that was found good is remembered (`memo`), so
that a build with nothing to do imports neither Hydra nor a schema validator.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from expertbuild.compose import memo
from expertbuild.compose.check import file_faults, shape_faults
from expertbuild.compose.command import Command
from expertbuild.compose.faults import ConfigMistake, Fault
from expertbuild.compose.origins import Origins
from expertbuild.compose.places import expert_directory


@dataclass(frozen=True)
class Job:
    """One build: `config` is the whole configuration; `branches` the same for each base of the release, by name."""

    command: Command
    config: Mapping[str, Any]
    branches: Mapping[str, Mapping[str, Any]]
    expert: str | None  # the choice of the group `expert`
    elsewhere: str | None = None  # the expert's directory, where it lies in none of the usual folders
    plain: bool = True  # False where the person asked for a launcher, sweeper or callback of Hydra's

    @cached_property
    def directory(self) -> Path | None:
        """The expert's directory."""
        if self.elsewhere is not None:
            return Path(self.elsewhere)
        return expert_directory(self.expert) if self.expert else None

    @cached_property
    def origins(self) -> Origins:
        """File and line of every value; worked out when first asked."""
        return Origins(self.command)

    @property
    def words(self) -> str:
        """What makes this job differ from others, as typed."""
        return " ".join(word for word in self.command.overrides if not word.startswith("hydra"))


def jobs(command: Command) -> list[Job]:
    """The jobs of a command, all of them checked; ConfigMistake with everything that is wrong otherwise."""
    key = memo.key(command)
    known = memo.find(key)
    records = known if known is not None else _composed(command)
    made = [_job(command, one) for one in records]
    faults = [fault for job in made for fault in _missing_files(job)]
    if faults:
        raise ConfigMistake(faults)
    if known is None and key == memo.key(command):  # no file changed while it was read
        memo.keep(key, records)
    return made


def record(job: Job) -> dict[str, Any]:
    """The job as it is remembered; every job is made from one, so that a remembered one is no different."""
    whole = {
        "overrides": job.command.overrides,
        "config": job.config,
        "branches": job.branches,
        "expert": job.expert,
        "elsewhere": job.elsewhere,
        "plain": job.plain,
    }
    again: dict[str, Any] = json.loads(json.dumps(whole, default=str))
    return again


def _composed(command: Command) -> list[dict[str, Any]]:
    from expertbuild.compose.composing import compose

    made = compose(command)
    faults: list[Fault] = []
    for job in made:
        for name, config in job.branches.items():
            origins = job.origins if len(job.branches) == 1 else Origins(job.command.adding(f"base={name}"))
            faults += shape_faults(config, origins)
    if faults:
        raise ConfigMistake([*faults, *(fault for job in made for fault in _missing_files(job))])
    return [record(job) for job in made]


def _missing_files(job: Job) -> Sequence[Fault]:
    return [fault for config in job.branches.values() for fault in file_faults(config, job.directory, job.origins)]


def _job(command: Command, one: Mapping[str, Any]) -> Job:
    again = command.with_overrides(one["overrides"])
    return Job(again, one["config"], one["branches"], one["expert"], one["elsewhere"], one["plain"])
