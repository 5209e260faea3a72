"""What a build leaves behind: the package in its place and in the store, a base, where a result lies, and what is said of it."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from expertbuild import summary
from expertbuild.actions.measure import MEASURE
from expertbuild.actions.report import GATE, REPORT
from expertbuild.compose.ended import Ended
from expertbuild.compose.jobs import Job
from expertbuild.graph import Outcome, Step, StepOutcome
from expertbuild.work import Work


def deliver(work: Work, *, store: bool) -> Ended:
    """Put what was built in its place and say what it is; `store`: install it too, if the configuration does not mind."""
    job, steps, outcome = work.job, work.steps, work.outcome
    assert outcome is not None
    if job.config["dry_run"]:
        print(summary.planned({**outcome, **{each.step.id: each for each in work.company}}))
        return Ended()
    if job.config["target"] != "package":
        for step in steps:
            made = outcome[step.id]
            if step.action is MEASURE:
                print(_deliver_base(job, made, outcome))
            elif step.action not in (REPORT, GATE):
                print(summary.result(made))
        _tell_reports(steps, outcome)
        return Ended()
    package = _package(work)
    _copy(_sealed(work), package)
    for step in steps:  # what it was made of, and what its report was, stays in the cache as long as it is there
        outcome.keep(step.id, package.name if step is steps[0] else f"{package.name}: {step.id}", package.absolute())
    page = _report(work, package)
    installed = _install(package) if store and job.config["install"] else None
    print(summary.package(package, installed, page, [each.path() for each in work.company]))
    return Ended()


def deliver_none(work: Work) -> None:
    """Where no package came of a build, the report that says why; of datasets, what they are like."""
    if work.config["target"] == "package" and not work.config["dry_run"]:
        print(summary.report(_report(work, None)))
    elif work.outcome is not None:
        _tell_reports(work.steps, work.outcome)


def install(work: Work) -> Ended:
    """Install what was delivered before."""
    print(summary.installed(_install(_package(work)), [each.path() for each in work.company]))
    return Ended()


def _report(work: Work, package: Path | None) -> Path:
    from expertbuild.report.document import document
    from expertbuild.report.folder import write

    assert work.outcome is not None
    return write(document(work.steps, work.outcome, package, work.company), Path(work.config["paths"]["output"]))


def _sealed(work: Work) -> Path:
    assert work.outcome is not None
    [source] = work.outcome[work.steps[0].id].path().glob("*.expert")
    return source


def _package(work: Work) -> Path:
    return Path(work.config["paths"]["output"]) / _sealed(work).name


def _tell_reports(steps: Sequence[Step], outcome: Outcome) -> None:
    """What the datasets that were asked for are like: also where a bound on them is broken."""
    for step in steps:
        if step.action is REPORT and outcome[step.id].record is not None:
            print(summary.dataset(outcome[step.id].path()))


def _deliver_base(job: Job, measured: StepOutcome, outcome: Outcome) -> str:
    """A base that was pre-trained here, as a directory of its own, with the key document that says from what."""
    trained = outcome[measured.step.inputs["pretrain"].id]
    assert trained.record is not None
    target = Path(job.config["paths"]["output"]) / "bases" / measured.step.config["base"]["name"]
    for path in [*trained.path().iterdir(), *measured.path().iterdir()]:
        _copy(path, target / path.name)
    document = json.dumps(trained.record.document, indent=1, sort_keys=True)
    (target / "key.json").write_text(document + "\n", encoding="utf-8")
    return summary.base(target)


def _copy(source: Path, target: Path) -> None:
    """Put a file in place, whole or not at all; leave it alone where it is already there."""
    if target.is_file() and target.read_bytes() == source.read_bytes():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    half = target.with_name(f".{target.name}.partial")
    shutil.copyfile(source, half)
    half.replace(target)


def _install(package: Path) -> Any:
    from runtime.registry.store import Store

    return Store().install(package)
