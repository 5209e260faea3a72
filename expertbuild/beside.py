"""Those beside whom an expert will be installed, and the step that sees it among them.

They are whatever is installed, and what the same command builds. Of each the profile is known, and the test cases as far
as the cache still has them.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from expertbuild.actions.company import company_step
from expertbuild.graph import Cache, Status, Step, StepOutcome
from expertbuild.work import Work
from runtime.registry.installed import Installed
from runtime.registry.store import Store

Neighbours = dict[str, dict[str, Path]]  # full name -> `profile`, a folder, and `cases` where they are here


def company_steps(works: Sequence[Work]) -> dict[str, Step]:
    """By the names of some experts built with one cache, the step that sees each beside all others; none where it is alone."""
    there = _installed(Cache(works[0].config["paths"]["cache"]))
    if len(works) > 1:
        there |= {work.name: _made(work) for work in works}
    found = {}
    for work in works:
        others = {name: parts for name, parts in there.items() if name != work.name}
        if others:
            found[work.name] = company_step(work.steps[0], work.step("profile"), others)
    return found


def not_known_yet(works: Sequence[Work]) -> bool:
    """Whether what they will be like to each other is not known: in a dry run."""
    return len(works) > 1 and not all(map(_made, works))


def unknown_company(work: Work) -> StepOutcome:
    return StepOutcome(company_step(work.steps[0], work.step("profile"), {}), Status.DEPENDS, None)


def _made(work: Work) -> dict[str, Path]:
    """What others need to know of an expert that was just built; empty where it is not there yet."""
    step = work.step("profile")
    profile, dataset = work.path(step), work.path(step.inputs["dataset"])
    return {"profile": profile, "cases": dataset / "test.jsonl"} if profile and dataset else {}


def _installed(cache: Cache) -> Neighbours:
    """The newest version of everything that is installed and may be loaded."""
    found: Neighbours = {}
    for name, installed in Store().current().items():
        if (
            installed.trust in ("trusted", "first-use", "unsigned")
            and "profile/profile.json" in installed.record.members
        ):
            cases = _cases(installed, cache)
            found[name] = {"profile": installed.directory / "profile", **({"cases": cases} if cases else {})}
    return found


def _cases(installed: Installed, cache: Cache) -> Path | None:
    """Its test cases, which its statement names by their digest. It was checked when it was installed."""
    statement = json.loads(bytes(installed.open("statement.json")))
    datasets: Mapping[str, str] = statement["predicate"]["provenance"]["datasets"]
    for name, digest in sorted(datasets.items()):
        if name.endswith("/test.jsonl") and cache.store.path(digest).is_file():
            return cache.store.path(digest)
    return None
