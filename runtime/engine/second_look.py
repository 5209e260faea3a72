"""The next best answers to a request that was answered, for whoever would rather have another."""

from dataclasses import replace

from runtime.engine.grammar import CompiledGrammar
from runtime.engine.sequence import BeamRules, Request


def second_look(request: Request, width: int | None, grammar: CompiledGrammar | None = None) -> Request | None:
    """The request for them, by a grammar of their own if there is one. Nobody asked for beams, so there are some only where
    the answer is the likeliest one, and nothing else is told about it."""
    one = request.n == 1 and request.best_of is None and request.beams is None
    if not width or not one or request.sampling.temperature > 0 or request.logprobs is not None:
        return None
    return replace(
        request,
        beams=BeamRules(width),
        n=width,
        speculate=None,
        grammar=grammar or request.grammar,
        id=f"{request.id}-2",
    )
