"""From conversations to answers, through the engine that serves: what is measured is what will be served."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Messages = list[Any]


EXPERT = "expert"  # the adapter's name on the engine


def with_expert(base: Path, compiled: Path) -> Any:
    """An engine with the base, and on it the adapter as it will travel."""
    from runtime.artifact.adapter import read_adapter
    from runtime.engine.engine import Engine

    engine = Engine.load(base)
    names = {file.name for file in compiled.iterdir()}
    engine.attach(EXPERT, read_adapter(names, lambda name: (compiled / name).read_bytes()), digest=EXPERT)
    return engine


def generator(
    engine: Any, adapter: str | None, decoding: Mapping[str, Any], grammar: str | None
) -> Callable[[list[Messages]], list[str]]:
    """Answers of an adapter on this engine, or of the base alone, as the server would give them."""
    from runtime.binding.grammar import BoundGrammar
    from runtime.engine.engine import Request, Sampling
    from runtime.engine.second_look import aimed, second_look
    from runtime.service.asking import Checked

    rules = decoding.get("bind"), decoding.get("rebind")
    bound = BoundGrammar(engine.grammars, grammar, *rules) if grammar is not None else None
    sampling = Sampling(temperature=decoding["temperature"], top_p=decoding["top_p"], top_k=decoding["top_k"])

    def answers(conversations: list[Messages]) -> list[str]:
        requests = [
            Request(
                tokens=engine.tokenizer.chat(messages),
                max_tokens=decoding["max_tokens"],
                adapter=adapter,
                sampling=sampling,
                grammar=bound.behind(messages) if bound is not None else None,
                stop=tuple(decoding["stop"]),
                rope=decoding.get("rope"),
                id=str(number),
            )
            for number, messages in enumerate(conversations)
        ]
        checks = [Checked(decoding.get("check"), messages) for messages in conversations]
        results, again = engine.generate(requests), {}
        for place, (check, request, result) in enumerate(zip(checks, requests, results, strict=True)):
            second = second_look(request, decoding.get("second_look")) if check.name else None
            if second and check.doubted(result):
                grammar = bound.again(conversations[place]) if bound is not None else None
                again[place] = aimed(second, result, grammar)
        for place, others in zip(again, engine.generate_all([*again.values()]), strict=True):
            results[place] = checks[place].better(results[place], others)
        return [result.text + check.remark(result) for check, result in zip(checks, results, strict=True)]

    return answers


def keeps(engine: Any, grammar: str) -> Callable[[str], bool]:
    """Whether a text follows a grammar from its first letter to its last."""
    compiled = engine.compile_grammar(grammar)

    def kept(text: str) -> bool:
        tokens, matcher = engine.tokenizer.encode(text), compiled.start()
        if matcher.leading(tokens) < len(tokens):
            return False
        for token in tokens:
            matcher.accept(token)
        return bool(matcher.may_end)

    return kept
