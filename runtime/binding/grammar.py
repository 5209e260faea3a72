"""A grammar of an expert, and what it is behind one conversation: for the answer, and for a second look at it."""

from collections.abc import Mapping, Sequence
from typing import Any

from runtime.binding import TEXTS, said
from runtime.engine.errors import GrammarRefused
from runtime.engine.grammar import CompiledGrammar, Grammars


class BoundGrammar:
    """Compiled once; rules that are bound are narrowed for each conversation. May be asked from any thread."""

    def __init__(
        self,
        grammars: Grammars,
        text: str,
        bind: Mapping[str, str] | None = None,
        rebind: Mapping[str, str] | None = None,
    ) -> None:
        self._grammars, self._bind, self._again = grammars, bind or {}, {**(bind or {}), **(rebind or {})}
        self.whole = grammars.compile(text)
        self._narrowable = grammars.narrowable(text, [*self._again]) if self._again else None
        for rule, source in self._again.items():
            if source in TEXTS and self._narrowable is not None and not self._narrowable.repeats(rule):
                key = "bind" if self._bind.get(rule) == source else "rebind"
                raise GrammarRefused(
                    f"the rule {rule} is bound to {source} and is no loop, such as char+.", where=f"decoding.{key}"
                )

    def behind(self, messages: Sequence[Mapping[str, Any]]) -> CompiledGrammar:
        """The grammar of an answer to this; as it is written where that is too much to narrow it by."""
        return self._narrowed(self._bind, messages) or self.whole

    def again(self, messages: Sequence[Mapping[str, Any]]) -> CompiledGrammar | None:
        """That of the answers looked through when this one is doubted; None where it is the same."""
        return self._narrowed(self._again, messages) if self._again != self._bind else None

    def _narrowed(self, bind: Mapping[str, str], messages: Sequence[Mapping[str, Any]]) -> CompiledGrammar | None:
        if self._narrowable is None or not bind:
            return None
        try:
            return self._grammars.narrow(self._narrowable, said(bind, messages))
        except GrammarRefused:
            return None
