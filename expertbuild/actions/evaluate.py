"""evaluate: the compiled expert on held-out cases, through the engine that will serve it, the base beside it."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from expertbuild.actions.base import base_directory
from expertbuild.graph import Action, Context

Messages = list[Any]


def _plugins(config: Mapping[str, Any]) -> Iterable[str]:
    from expertbuild.evaluation.scorers import modules

    return modules(config["evaluation"]["scorer"])


EVALUATE = Action(
    name="evaluate",
    version=1,
    reads=("evaluation.scorer", "evaluation.cases", "evaluation.confidence", "decoding"),
    function="expertbuild.actions.evaluate:evaluate",
    libraries=("torch", "llguidance"),
    plugins=_plugins,
)


def evaluate(run: Context) -> None:
    """Score both with the same prompts, grammar and decoding."""
    from itertools import islice

    from expertbuild.data.rows import read_rows
    from expertbuild.evaluation.evaluate import document
    from expertbuild.evaluation.evaluate import evaluate as judge
    from runtime.artifact.slots import read_slots
    from runtime.engine.engine import Engine

    settings, decoding = run.config["evaluation"], run.config["decoding"]
    engine = Engine.load(base_directory(run))
    record = read_slots((run.inputs["compile"] / "slots.safetensors").read_bytes())
    engine.attach("expert", record, digest="expert")
    grammar = run.files["grammar"].read_text(encoding="utf-8") if "grammar" in run.files else None
    rows = list(islice(read_rows(run.inputs["dataset"] / "test.jsonl"), settings["cases"]))
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
    text = json.dumps(report, sort_keys=True, indent=2, ensure_ascii=False)
    (run.out / "evaluation.json").write_text(text + "\n", encoding="utf-8")


def generator(
    engine: Any, adapter: str | None, decoding: Mapping[str, Any], grammar: str | None
) -> Callable[[list[Messages]], list[str]]:
    """From conversations to answers, as the server would give them."""
    from runtime.engine.engine import Request, Sampling

    compiled = engine.compile_grammar(grammar) if grammar is not None else None
    sampling = Sampling(temperature=decoding["temperature"], top_p=decoding["top_p"], top_k=decoding["top_k"])

    def answers(conversations: list[Messages]) -> list[str]:
        requests = [
            Request(
                tokens=engine.tokenizer.chat(messages),
                max_tokens=decoding["max_tokens"],
                adapter=adapter,
                sampling=sampling,
                grammar=compiled,
                stop=tuple(decoding["stop"]),
                id=str(number),
            )
            for number, messages in enumerate(conversations)
        ]
        return [result.text for result in engine.generate(requests)]

    return answers
