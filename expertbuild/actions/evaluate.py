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
    unkeyed=("paths.cache",),
    libraries=("torch", "llguidance"),
    engines=_engines,
    plugins=_plugins,
)


def evaluate(run: Context) -> None:
    """Score both with the same prompts, grammar and decoding."""
    from hashlib import file_digest
    from itertools import islice

    from expertbuild.actions.baseline import baseline
    from expertbuild.data.rows import read_rows, write_rows
    from expertbuild.evaluation import transcript
    from expertbuild.evaluation.answering import EXPERT, generator, with_expert
    from expertbuild.evaluation.evaluate import document
    from expertbuild.evaluation.evaluate import evaluate as judge

    settings, decoding = run.config["evaluation"], run.config["decoding"]
    engine = with_expert(base_directory(run), run.inputs["compile"])
    grammar = run.files["grammar"].read_text(encoding="utf-8") if "grammar" in run.files else None
    cases = run.inputs["dataset"] / "test.jsonl"
    rows = list(islice(read_rows(cases), settings["cases"]))
    asked = {
        "base": baseline(run, engine, decoding, grammar),
        "expert": generator(engine, EXPERT, decoding, grammar),
    }
    judged = {
        who: judge(
            rows,
            ask,
            settings["scorer"],
            system=decoding["system"],
            report=run.report,
            label=who,
        )
        for who, ask in asked.items()
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
    write_rows(run.out / transcript.NAME, transcript.transcript(judged["base"], judged["expert"]))
