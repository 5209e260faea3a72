"""evaluate: the compiled expert on held-out cases, through the engine that will serve it, the base beside it."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from expertbuild.actions.base import base_directory
from expertbuild.graph import Action, Context

Messages = list[dict[str, str]]


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
    from expertbuild.evaluation.evaluate import evaluate_expert
    from runtime.artifact.slots import read_slots
    from runtime.engine.engine import Engine

    engine = Engine.load(base_directory(run))
    record = read_slots((run.inputs["compile"] / "slots.safetensors").read_bytes())
    engine.attach("expert", record, digest="expert")
    grammar = run.files["grammar"].read_text(encoding="utf-8") if "grammar" in run.files else None
    report = evaluate_expert(
        run.inputs["dataset"] / "test.jsonl",
        expert=generator(engine, "expert", run.config["decoding"], grammar, run.report),
        base=generator(engine, None, run.config["decoding"], grammar, run.report),
        settings=run.config["evaluation"],
        seed=run.seed,
    )
    report["decoding"] = {**run.config["decoding"], "grammar": grammar is not None}
    text = json.dumps(report, sort_keys=True, indent=2, ensure_ascii=False)
    (run.out / "evaluation.json").write_text(text + "\n", encoding="utf-8")


def generator(
    engine: Any,
    adapter: str | None,
    decoding: Mapping[str, Any],
    grammar: str | None,
    report: Callable[..., None],
) -> Callable[[list[Messages]], list[str]]:
    """From conversations to answers, as the server would give them."""
    from runtime.engine.engine import Request, Sampling

    compiled = engine.compile_grammar(grammar) if grammar is not None else None
    system = decoding["system"]
    head: Messages = [{"role": "system", "content": system}] if system else []
    who = "expert" if adapter else "base"

    def answers(conversations: list[Messages]) -> list[str]:
        requests = [
            Request(
                tokens=engine.tokenizer.chat(head + messages),
                max_tokens=decoding["max_tokens"],
                adapter=adapter,
                sampling=Sampling(temperature=decoding["temperature"]),
                grammar=compiled,
                stop=tuple(decoding["stop"]),
                id=f"{who}-{number}",
            )
            for number, messages in enumerate(conversations)
        ]
        texts: dict[str, str] = {}
        for start in range(0, len(requests), 64):
            part = requests[start : start + 64]
            texts.update((request.id, result.text) for request, result in zip(part, engine.generate(part), strict=True))
            report(message=f"asking the {who}", step=start + len(part), total=len(requests))
        return [texts[request.id] for request in requests]

    return answers
