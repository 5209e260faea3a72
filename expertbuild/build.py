"""Builds: plan them, run them side by side, see that they get on with each other, and deliver.

Reads like a build does. What a step does is in actions/, how steps run in graph/, how it looks in display.py. One job or
several, the way is the same: each passes its own gate, then all are seen beside what else is installed, then delivered.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from expertbuild.actions.plan import Branch, plan
from expertbuild.compose.ended import Ended, attempt
from expertbuild.compose.jobs import Job
from expertbuild.display import listener, without
from expertbuild.graph import Cache, GraphMistake, Listener, Outcome, Remote, Step, build
from expertbuild.graph.action import in_order
from expertbuild.graph.joined import Joined
from expertbuild.located import lines_of, located
from expertbuild.work import Work
from runtime.engine.base import locate
from runtime.errors import Mistake
from runtime.registry.keyfile import key_folder
from runtime.registry.keys import developer_key_id, key_id_of

Config = Mapping[str, Any]

_SHARED = ("jobs", "remote_cache", "remote_push", "dry_run")  # what one run of the graph has one of


def run(jobs: Sequence[Job], *, apart: bool = False) -> list[Ended]:
    """Build what the jobs ask for; how each ended. `apart`: others are built elsewhere, and `settle` will install them."""
    from expertbuild.delivery import deliver, deliver_none

    works = [_planned(job, jobs) for job in jobs]
    with listener(jobs[0].config["log"]) as listen:
        for some in _side_by_side([work for work in works if work.ended is None]):
            _build(some, listen)
        if not apart:
            _see_company(works, listen)
    for work in works:
        if work.ended is None:
            work.ended = attempt(partial(deliver, work, store=not apart))
        elif work.outcome is not None:
            deliver_none(work)
    return [work.ended or Ended() for work in works]


def settle(jobs: Sequence[Job]) -> list[Ended]:
    """The end of jobs that were built apart: they are seen beside each other, and installed."""
    from expertbuild.delivery import install

    works = [_planned(job, jobs) for job in jobs]
    for work in works:
        if work.packed:
            work.outcome = build(work.steps, Cache(work.config["paths"]["cache"]), dry_run=True)
            if work.path(work.steps[0]) is None:  # a dry run, or built for another cache
                work.ended = Ended()
                if not work.config["dry_run"]:
                    print(f"{work.name} was built elsewhere; it is neither seen beside others nor installed here.")
    with listener(jobs[0].config["log"]) as listen:
        _see_company(works, listen)
    for work in works:
        if work.packed and work.config["install"] and not work.config["dry_run"]:
            work.ended = attempt(partial(install, work))
    return [work.ended or Ended() for work in works]


def steps_of(job: Job) -> list[Step]:
    """The graph of a job."""
    config = job.config
    if job.directory is None and config["target"] != "base":
        raise Mistake("no expert was named", hint="Say which one: expertbuild expert=expert-json")
    branches = [Branch(branch, _directory(branch)) for branch in job.branches.values()]
    with lines_of(job):
        return plan(branches, job.directory, _signer(config), _release(config))


def _planned(job: Job, together: Sequence[Job]) -> Work:
    from expertbuild.requirements import check_requirements

    work = Work(job)

    def go() -> Ended:
        check_requirements(job, together)
        work.steps = steps_of(job)
        return Ended()

    ended = attempt(go)
    work.ended = ended if ended.code else None
    return work


def _side_by_side(works: Sequence[Work]) -> Iterator[list[Work]]:
    """Those that can be one graph, a group after the other."""
    groups: list[tuple[Any, Joined, list[Work]]] = []
    for work in works:
        for alike, joined, members in groups:
            mine = joined.take(work.steps) if alike == _alike(work.config) and not _one_at_a_time(work.config) else None
            if mine is not None:
                work.steps = mine
                members.append(work)
                break
        else:
            joined = Joined()
            work.steps = joined.take(work.steps) or work.steps
            groups.append((_alike(work.config), joined, [work]))
    for _, _, members in groups:
        yield members


def _alike(config: Config) -> tuple[Any, ...]:
    return (config["paths"]["cache"], *(config[key] for key in _SHARED))


def _one_at_a_time(config: Config) -> bool:
    """Trainings side by side would share the memory of one accelerator; `jobs` says that this is wanted."""
    there = Path("/proc/driver/nvidia/gpus").is_dir()
    return there and config["train"]["device"] != "cpu" and config["jobs"] is None


def _build(works: Sequence[Work], listen: Listener) -> None:
    """One run of the graph for all of these."""
    owners = {step.id: work.job for work in works for step in in_order(work.steps)}

    def go() -> Ended:
        outcome = _run([step for work in works for step in work.steps], works[0].config, located(listen, owners))
        for work in works:
            work.outcome = outcome.of(work.steps)
            work.ended = _failed(work.outcome)
        return Ended()

    if len(works) == 1:
        ended = attempt(go)
        works[0].ended = works[0].ended or (ended if ended.code else None)
        return
    try:
        go()
    except GraphMistake:  # of one of them: the others do without it
        for work in works:
            _build([work], listen)


def _run(steps: Sequence[Step], config: Config, listen: Listener) -> Outcome:
    return build(
        list(dict.fromkeys(steps)),
        Cache(config["paths"]["cache"]),
        jobs=config["jobs"],
        listener=listen,
        dry_run=config["dry_run"],
        remote=Remote(config["remote_cache"], push=config["remote_push"]) if config["remote_cache"] else None,
    )


def _failed(outcome: Outcome) -> Ended | None:
    if outcome.ok:
        return None
    return Ended(outcome.exit_code, tuple(f"{failed.step}: {failed.what}" for failed in outcome.failures))


def _see_company(works: Sequence[Work], listen: Listener) -> None:
    """Each expert that was built, beside the others of this command and what is installed; who takes too much has failed."""
    if not any(work.packed for work in works):
        return
    from expertbuild.beside import company_steps, not_known_yet, unknown_company

    last = {(work.name, work.config["paths"]["cache"]): work for work in works if work.packed}  # of two of one name
    for cache in dict.fromkeys(where for _, where in last):
        some = [work for (_, where), work in last.items() if where == cache]
        if not_known_yet(some):
            for work in some:
                work.company = [unknown_company(work)]
            continue
        steps = company_steps(some)
        if not steps:  # alone in the world
            continue
        known = {step.id for work in some for step in in_order(work.steps)}
        outcome = _run([*steps.values()], some[0].config, without(listen, known))
        for work in some:
            if work.name in steps:
                made = outcome[steps[work.name].id]
                work.company = [made]
                work.ended = _failed(outcome.of([made.step]))


def _directory(config: Config) -> Path | None:
    base = config["base"]
    if config["target"] == "base" and base["recipe"] is not None:
        return None
    return locate(base["source"])


def _signer(config: Config) -> str:
    """The public id of the key that will sign; this machine's own is made when it is first needed."""
    named = config["package"]["key"]
    if config["dry_run"] and not named and not any(key_folder().glob("*.pub")):
        return ""  # it is made by the first build, not by a look at one
    return key_id_of(Path(named)) if named else developer_key_id()


def _release(config: Config) -> Path | None:
    """The last release of the same expert, to compare with."""
    if config["target"] != "package":
        return None
    from expertbuild.evaluation.released import INSTALLED, last_release

    expert, baseline = config["expert"], config["evaluation"].get("baseline", INSTALLED)
    return last_release(config["package"]["publisher"], expert["name"], expert["version"], baseline)
