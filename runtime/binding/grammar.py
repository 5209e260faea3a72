"""A grammar of an expert, and what it is behind one conversation."""

from collections.abc import Mapping, Sequence
from typing import Any

from runtime.binding import TEXTS, said
from runtime.engine.errors import GrammarRefused
from runtime.engine.grammar import CompiledGrammar, Grammars


class BoundGrammar:
    """Compiled once; rules that are bound are narrowed for each conversation. May be asked from any thread."""

    def __init__(self, grammars: Grammars, text: str, bind: Mapping[str, str] | None = None) -> None:
        self._grammars, self._bind = grammars, bind or {}
        self.whole = grammars.compile(text)
        self._narrowable = grammars.narrowable(text, [*self._bind]) if self._bind else None
        for rule, source in self._bind.items():
            if source in TEXTS and self._narrowable is not None and not self._narrowable.repeats(rule):
                raise GrammarRefused(
                    f"the rule {rule} is bound to {source} and is no loop, such as char+.", where="decoding.bind"
                )

    def behind(self, messages: Sequence[Mapping[str, Any]]) -> CompiledGrammar:
        """The grammar of an answer to this; as it is written where that is too much to narrow it by."""
        if self._narrowable is None:
            return self.whole
        try:
            return self._grammars.narrow(self._narrowable, said(self._bind, messages)) or self.whole
        except GrammarRefused:
            return self.whole
