"""From conversations to answers, through the engine that serves: what is measured is what will be served."""

from collections.abc import Callable, Mapping
from typing import Any

Messages = list[Any]


def generator(
    engine: Any, adapter: str | None, decoding: Mapping[str, Any], grammar: str | None
) -> Callable[[list[Messages]], list[str]]:
    """Answers of an adapter on this engine, or of the base alone, as the server would give them."""
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
                rope=decoding.get("rope"),
                id=str(number),
            )
            for number, messages in enumerate(conversations)
        ]
        return [result.text for result in engine.generate(requests)]

    return answers
