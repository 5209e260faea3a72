"""Whether a compiled grammar takes a text from its first token to its last."""

from runtime.engine.engine import CompiledGrammar
from runtime.engine.errors import GrammarRefused
from runtime.engine.tokenizer import Tokenizer


def accepts(grammar: CompiledGrammar, tokenizer: Tokenizer, text: str) -> bool:
    return takes(grammar, tokenizer.encode(text))


def takes(grammar: CompiledGrammar, tokens: list[int]) -> bool:
    matcher = grammar.start()
    try:
        for token in tokens:
            matcher.accept(token)
    except GrammarRefused:
        return False
    return matcher.may_end
