"""What an expert requires, asked before anything is built: it has to be installed, or built by the same command."""

from collections.abc import Iterable, Mapping
from typing import Any

from expertbuild.compose.faults import ConfigMistake, Fault, did_you_mean
from expertbuild.compose.jobs import Job
from runtime.registry.ranges import admits


def check_requirements(job: Job, together: Iterable[Job]) -> None:
    """Refuse a job whose `expert.requires` names what will not be there."""
    packs = job.config["target"] == "package"
    wanted: Mapping[str, str] = job.config["expert"]["requires"] if packs else {}
    if not wanted:
        return
    there = _there(together)
    faults = [
        Fault(
            f"{job.config['expert']['name']} requires {name} {versions}, and "
            + (f"{', '.join(there[name])} is there." if name in there else "it is not there."),
            job.origins.of(("expert", "requires", name)),
            did_you_mean(name, there) or "Install it, or build it first: expertbuild -m expert=ONE,OTHER builds both.",
        )
        for name, versions in wanted.items()
        if not any(admits(versions, version) for version in there.get(name, ()))
    ]
    if faults:
        raise ConfigMistake(faults)


def _there(together: Iterable[Job]) -> dict[str, list[str]]:
    """Full name -> versions that are installed or asked for."""
    from runtime.registry.store import Store

    found: dict[str, list[str]] = {}
    for installed in Store().list():
        found.setdefault(installed.name, []).append(installed.version)
    for job in together:
        config: Mapping[str, Any] = job.config
        if "expert" in config and config["target"] == "package":
            name = f"{config['package']['publisher']}/{config['expert']['name']}"
            found.setdefault(name, []).append(config["expert"]["version"])
    return found
