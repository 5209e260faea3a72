"""report: what a dataset is like, for people and programs. gate: the bounds that its recipe sets on that.

Two steps, so that a report is there to look at when a bound is broken, and so that training stands on the answer of the
gate and not on the looks of the report: the gate's output is the same whenever it lets through.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from expertbuild.data.recipe import KEYS
from expertbuild.graph import Action, Context


def _recipe(config: Mapping[str, Any]) -> Mapping[str, Any]:
    dataset: Mapping[str, Any] = config["dataset"]
    recipe: Mapping[str, Any] = dataset[dataset["use"]]
    return recipe


def _plugins(config: Mapping[str, Any]) -> Iterable[str]:
    from expertbuild.data.measures import MEASURES

    return MEASURES.modules.values()


def gated(config: Mapping[str, Any]) -> bool:
    """Whether the recipe sets a bound on any measure."""
    measures = _recipe(config).get("measures") or {}
    return any(bound in (spec or {}) for spec in measures.values() for bound in ("min", "max"))


REPORT = Action(
    name="report",
    version=1,
    reads=("dataset", "expert.name", "base.name"),
    unkeyed=tuple(f"dataset.*.{part}" for part in KEYS if part != "measures"),  # the rows say what came of it
    function="expertbuild.actions.report:report",
    libraries=("numpy",),
    plugins=_plugins,
)
GATE = Action(name="gate", version=1, reads=("dataset.use",), function="expertbuild.actions.report:gate")


def report(run: Context) -> None:
    """Measure the rows and write report.json and report.html."""
    from expertbuild.data.describe import describe, write_report

    config = run.config
    title = f"{config['expert']['name']}: the data of recipe {config['dataset']['use']}, in tokens of {config['base']['name']}"
    document = describe(_recipe(config), run.inputs["dataset"], title=title, seed=run.seed, report=run.report)
    write_report(document, run.out)


def gate(run: Context) -> None:
    """Let a dataset through that keeps its bounds."""
    from expertbuild.data.gates import enforce
    from runtime.errors import Problem

    document = json.loads((run.inputs["report"] / "report.json").read_text(encoding="utf-8"))
    try:
        enforce(document["gates"])
    except Problem as problem:
        problem.where = f"dataset.{run.config['dataset']['use']}.{problem.where}"
        raise
    Path(run.out / "passed").write_text("passed\n", encoding="utf-8")
