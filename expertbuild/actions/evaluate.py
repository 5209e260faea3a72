"""evaluate: the compiled expert on held-out cases, through the engine that will serve it, the base beside it."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from expertbuild.actions.base import base_directory
from expertbuild.actions.judges import judges
from expertbuild.graph import Action, Context


def _plugins(config: Mapping[str, Any]) -> Iterable[str]:
    from expertbuild.evaluation.scorers import modules

    return modules(config["evaluation"]["scorer"])


def _engines(config: Mapping[str, Any]) -> Mapping[str, str | None]:
    return judges([config["evaluation"]["scorer"]])


EVALUATE = Action(
    name="evaluate",
    version=1,
    reads=("evaluation.scorer", "evaluation.cases", "evaluation.confidence", "decoding"),
    function="expertbuild.actions.evaluate:evaluate",
    libraries=("torch", "llguidance"),
    engines=_engines,
    plugins=_plugins,
)


def evaluate(run: Context) -> None:
    """Score both with the same prompts, grammar and decoding."""
    from hashlib import file_digest
    from itertools import islice

    from expertbuild.data.rows import read_rows
    from expertbuild.evaluation import kept
    from expertbuild.evaluation.answering import generator
    from expertbuild.evaluation.evaluate import document
    from expertbuild.evaluation.evaluate import evaluate as judge
    from runtime.artifact.adapter import read_adapter
    from runtime.engine.engine import Engine

    settings, decoding = run.config["evaluation"], run.config["decoding"]
    engine = Engine.load(base_directory(run))
    compiled = run.inputs["compile"]
    names = {file.name for file in compiled.iterdir()}
    record = read_adapter(names, lambda name: (compiled / name).read_bytes())
    engine.attach("expert", record, digest="expert")
    grammar = run.files["grammar"].read_text(encoding="utf-8") if "grammar" in run.files else None
    cases = run.inputs["dataset"] / "test.jsonl"
    rows = list(islice(read_rows(cases), settings["cases"]))
    judged = {
        who: judge(
            rows,
            generator(engine, adapter, decoding, grammar),
            settings["scorer"],
            system=decoding["system"],
            report=run.report,
            label=who,
        )
        for who, adapter in (("base", None), ("expert", "expert"))
    }
    report = document(
        judged["base"],
        judged["expert"],
        scoring=settings["scorer"],
        decoding=decoding,
        grammar=grammar is not None,
        confidence=settings["confidence"],
    )
    with cases.open("rb") as file:
        report["cases"] = {"sha256": file_digest(file, "sha256").hexdigest()}
    text = json.dumps(report, sort_keys=True, indent=2, ensure_ascii=False)
    (run.out / "evaluation.json").write_text(text + "\n", encoding="utf-8")
    kept.write(run.out / kept.NAME, judged["expert"])
