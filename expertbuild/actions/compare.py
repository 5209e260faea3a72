"""compare: the last release of the same expert on the cases that the new one was evaluated on, case by case.

A step of its own: it stands on what `evaluate` gave and on the content of the release, so that another release to
compare with asks the new expert nothing anew. Without a release there is no such step.
"""

import json
from typing import Any

from expertbuild.actions.base import base_directory
from expertbuild.actions.evaluate import EVALUATE
from expertbuild.graph import Action, Context

NAME = "comparison.json"


COMPARE = Action(
    name="compare",
    version=1,
    reads=("evaluation.scorer", "evaluation.cases", "evaluation.confidence", "expert.name"),
    function="expertbuild.actions.compare:compare",
    libraries=EVALUATE.libraries,
    engines=EVALUATE.engines,
    plugins=EVALUATE.plugins,
)


def compare(run: Context) -> None:
    """Ask the release with its own prompt, grammar and decoding; judge as the new one was judged."""
    from itertools import islice

    from expertbuild.data.rows import read_rows
    from expertbuild.evaluation import released, transcript
    from expertbuild.evaluation.answering import generator
    from expertbuild.evaluation.evaluate import compared, evaluate, paired, worse
    from runtime.artifact.package import open_package
    from runtime.engine.engine import Engine

    settings = run.config["evaluation"]
    rows = list(islice(read_rows(run.inputs["dataset"] / "test.jsonl"), settings["cases"]))
    engine = Engine.load(base_directory(run))
    with open_package(run.files["release"]) as package:
        found = released.attach(engine, package, run.config["expert"]["name"])
        document: dict[str, Any] = {"version": package.manifest.version, "id": package.id}
    if isinstance(found, str):
        document["unlike"] = found
    else:
        before = evaluate(
            rows,
            generator(engine, released.ADAPTER, found.decoding, found.grammar),
            settings["scorer"],
            system=found.decoding["system"] or None,
            report=run.report,
            label=f"release {document['version']}",
        )
        pairs = paired(before, transcript.answers(run.inputs["evaluate"], rows))
        document |= compared(pairs, "released", settings["confidence"]) | {"worse": worse(pairs)}
    text = json.dumps(document, sort_keys=True, indent=2, ensure_ascii=False)
    (run.out / NAME).write_text(text + "\n", encoding="utf-8")
