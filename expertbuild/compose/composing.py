"""Asking Hydra for the configurations of a command, and making plain dictionaries of them.

Everything that can go wrong on the way becomes faults (`diagnose`), never a traceback.
"""

from collections.abc import Mapping
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from expertbuild.compose.command import Command
from expertbuild.compose.diagnose import diagnose, unresolved
from expertbuild.compose.faults import ConfigMistake, Fault, advise
from expertbuild.compose.jobs import Job
from expertbuild.compose.origins import Origins
from expertbuild.compose.places import expert_directory
from expertbuild.compose.session import Session, session
from expertbuild.compose.source import GROUP


def compose(command: Command) -> list[Job]:
    """The jobs of a command, with every interpolation resolved; not yet checked against the schemas."""
    with session(command) as hydra:
        try:
            return [job(hydra, config) for config in hydra.jobs()]
        except ConfigMistake:
            raise
        except Exception as error:
            failure = error
        raise ConfigMistake(diagnose(failure, hydra))  # outside, so that what is tried next has no cause but its own


def job(hydra: Session, whole: DictConfig) -> Job:
    """The job of one composed configuration, with a branch for each of its bases."""
    HydraConfig.instance().set_config(whole)  # for ${hydra:...} in this job
    command = hydra.command.with_overrides([*whole.hydra.overrides.hydra, *whole.hydra.overrides.task])
    config = _plain(whole, command)
    branches = {}
    _bases_are_there(hydra, config, command)
    for name in config.get("bases") or []:
        branch = command.adding(f"base={name}")
        branches[name] = _plain(hydra.compose(branch.overrides), branch)
    chosen = whole.hydra.runtime.choices.get("expert")
    name = (config.get("base") or {}).get("name", "")
    found = hydra.file(f"{GROUP}/{chosen}", whole) if chosen else None
    usual = expert_directory(chosen) if chosen else None
    elsewhere = str(found.parent) if found is not None and found.parent != usual else None
    return Job(command, config, branches or {name: config}, chosen, elsewhere, _is_plain(whole))


def _bases_are_there(hydra: Session, config: Mapping[str, Any], command: Command) -> None:
    known = hydra.hydra.config_loader.get_group_options("base")
    origins = Origins(command)
    bases = config.get("bases")
    if not isinstance(bases, list):
        return  # the schema says so, with everything else
    faults = [
        Fault(f'there is no base "{name}".', origins.of(("bases", index)), advise(str(name), known))
        for index, name in enumerate(bases)
        if name not in known
    ]
    if faults:
        raise ConfigMistake(faults)


def _plain(whole: DictConfig, command: Command) -> dict[str, Any]:
    """The configuration without Hydra's own part, every interpolation resolved."""
    made: dict[str, Any] = {}
    try:
        for key in whole:
            if key != "hydra":
                value = whole[key]
                config = OmegaConf.is_config(value)
                made[str(key)] = OmegaConf.to_container(value, resolve=True, throw_on_missing=True) if config else value
    except OmegaConfBaseException:
        made.clear()
    if not made:
        raise ConfigMistake(unresolved(whole, command))
    return made


def _is_plain(whole: DictConfig) -> bool:
    """Whether the build is the usual kind, so that it can run right here, after all jobs have been checked."""
    choices, settings = whole.hydra.runtime.choices, whole.hydra
    usual = choices.get("hydra/launcher") == "basic" and choices.get("hydra/sweeper") == "basic"
    return bool(usual and not settings.callbacks and not settings.verbose and not settings.job.env_set)
