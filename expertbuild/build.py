"""One build: plan it, run it, put the package where it belongs, and say how it went.

Reads like the build does. What a step does is in actions/, how steps run in graph/, how it looks in
display.py.
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from expertbuild.actions.measure import MEASURE
from expertbuild.actions.plan import Branch, plan
from expertbuild.actions.report import GATE, REPORT
from expertbuild.compose.jobs import Job
from expertbuild.display import listener
from expertbuild.graph import Cache, Outcome, Remote, Step, StepOutcome, build
from expertbuild.located import lines_of, located
from runtime.engine.base import locate
from runtime.errors import Mistake
from runtime.registry.keyfile import key_folder
from runtime.registry.keys import developer_key_id, key_id_of

Config = Mapping[str, Any]


def run(job: Job) -> int:
    """Build what the job asks for; the exit code."""
    config = job.config
    steps = steps_of(job)
    cache = Cache(config["paths"]["cache"])
    with listener(config["log"]) as listen:
        outcome = build(
            steps,
            cache,
            jobs=config["jobs"],
            listener=located(listen, job),
            dry_run=config["dry_run"],
            remote=Remote(config["remote_cache"], push=config["remote_push"]) if config["remote_cache"] else None,
        )
    if config["dry_run"]:
        from expertbuild.summary import planned

        print(planned(outcome))
        return 0
    if not outcome.ok:
        _tell_reports(steps, outcome)
        return outcome.exit_code
    return _deliver(job, steps, outcome)


def steps_of(job: Job) -> list[Step]:
    """The graph of a job."""
    if job.directory is None and job.config["target"] != "base":
        raise Mistake("no expert was named", hint="Say which one: expertbuild expert=expert-json")
    branches = [Branch(branch, _directory(branch)) for branch in job.branches.values()]
    with lines_of(job):
        return plan(branches, job.directory, _signer(job.config))


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


def _deliver(job: Job, steps: list[Step], outcome: Outcome) -> int:
    from expertbuild import summary

    if job.config["target"] != "package":
        for step in steps:
            made = outcome[step.id]
            if step.action is MEASURE:
                print(_deliver_base(job, made, outcome))
            elif step.action not in (REPORT, GATE):
                print(summary.result(made))
        _tell_reports(steps, outcome)
        return 0
    folder = outcome[steps[0].id].path()
    [source] = folder.glob("*.expert")
    package = Path(job.config["paths"]["output"]) / source.name
    _copy(source, package)
    outcome.keep(steps[0].id, package.name, package.absolute())
    installed = _install(package) if job.config["install"] else None
    print(summary.package(package, installed))
    return 0


def _tell_reports(steps: list[Step], outcome: Outcome) -> None:
    """What the datasets that were asked for are like: also where a bound on them is broken."""
    for step in steps:
        if step.action is REPORT and outcome[step.id].record is not None:
            from expertbuild import summary

            print(summary.dataset(outcome[step.id].path()))


def _deliver_base(job: Job, measured: StepOutcome, outcome: Outcome) -> str:
    """A base that was pre-trained here, as a directory of its own, with the key document that says from what."""
    from expertbuild import summary

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
    partial = target.with_name(f".{target.name}.partial")
    shutil.copyfile(source, partial)
    partial.replace(target)


def _install(package: Path) -> Any:
    from runtime.registry.store import Store

    return Store().install(package)
