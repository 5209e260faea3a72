"""The next best answers to a request that was answered, for whoever would rather have another."""

from dataclasses import replace

from runtime.engine.grammar import CompiledGrammar
from runtime.engine.sequence import BeamRules, Request, Result

CIRCLE = 12  # tokens that come a second time


def second_look(request: Request, width: int | None) -> Request | None:
    """The request for them. Nobody asked for beams, so there are some only where the answer is the likeliest one, and
    nothing else is told about it."""
    one = request.n == 1 and request.best_of is None and request.beams is None
    if not width or not one or request.sampling.temperature > 0 or request.logprobs is not None:
        return None
    return replace(request, beams=BeamRules(width), n=width, speculate=None, id=f"{request.id}-2")


def aimed(second: Request, first: Result, grammar: CompiledGrammar | None) -> Request:
    """The same for the answer that there is: by a grammar of its own, if there is one; and where the answer found no end,
    it went in circles, which the others may not."""
    if first.finish_reason == "length" and second.beams is not None:
        second = replace(second, beams=replace(second.beams, no_repeat=CIRCLE))
    return replace(second, grammar=grammar) if grammar else second
