"""unguided: some of the cases once more without the grammar, so that a report can say what the grammar adds.

No package stands on it: it is measured for people, with the same prompts, decoding and scorer as the evaluation.
"""

import json
from collections.abc import Mapping
from typing import Any

from expertbuild.actions.base import base_directory
from expertbuild.actions.evaluate import EVALUATE
from expertbuild.graph import Action, Context

UNGUIDED = Action(
    name="unguided",
    version=1,
    reads=("report.without_grammar", "evaluation.scorer", "evaluation.confidence", "decoding"),
    unkeyed=EVALUATE.unkeyed,
    function="expertbuild.actions.unguided:unguided",
    libraries=EVALUATE.libraries,
    engines=EVALUATE.engines,
    plugins=EVALUATE.plugins,
)


def wanted(config: Mapping[str, Any]) -> bool:
    """Whether there is a grammar to leave out, and whoever builds wants to know."""
    return bool(config["decoding"]["grammar"]) and config["report"]["without_grammar"] > 0


def unguided(run: Context) -> None:
    """Ask expert and base without the grammar; put scores and kept formats beside those with it."""
    from itertools import islice

    from expertbuild.actions.baseline import baseline
    from expertbuild.data.rows import read_rows
    from expertbuild.evaluation import transcript
    from expertbuild.evaluation.answering import EXPERT, generator, keeps, with_expert
    from expertbuild.evaluation.evaluate import Generate
    from expertbuild.evaluation.evaluate import evaluate as judge
    from expertbuild.evaluation.interval import difference, mean

    decoding, confidence = run.config["decoding"], run.config["evaluation"]["confidence"]
    guided = transcript.read(run.inputs["evaluate"])[: run.config["report"]["without_grammar"]]
    rows = list(islice(read_rows(run.inputs["dataset"] / "test.jsonl"), len(guided)))
    engine = with_expert(base_directory(run), run.inputs["compile"])
    keeps_format = keeps(engine, run.files["grammar"].read_text(encoding="utf-8"))

    def side_by_side(who: str, ask: Generate) -> dict[str, Any]:
        judged = judge(
            rows,
            ask,
            run.config["evaluation"]["scorer"],
            system=decoding["system"],
            report=run.report,
            label=who,
        )
        before, after = [each.score for each in judged], [case[who]["score"] for case in guided]
        texts = {"with": [case[who]["answered"] for case in guided], "without": [each.output for each in judged]}
        kept = {name: [float(keeps_format(text)) for text in said] for name, said in texts.items()}
        return {
            "with": mean(after, confidence).document(),
            "without": mean(before, confidence).document(),
            "difference": difference(after, before, confidence).document(),
            "format_kept": {name: mean(shares, confidence).document() for name, shares in kept.items()},
        }

    report = {
        "base": side_by_side("base", baseline(run, engine, decoding, None)),
        "expert": side_by_side("expert", generator(engine, EXPERT, decoding, None)),
    }
    text = json.dumps({"n": len(rows), **report}, sort_keys=True, indent=2)
    (run.out / "unguided.json").write_text(text + "\n", encoding="utf-8")
