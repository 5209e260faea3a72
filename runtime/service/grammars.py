"""JSON Schemas that come with requests, compiled once while they are in use.

Between the signs of JSON any amount of white space is allowed, and a small model may take that as an invitation never to
end. Unless the schema itself says otherwise (`x-guidance`), at most one space is.
"""

from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock
from typing import Any

from runtime.artifact.strict_json import canonical
from runtime.engine.engine import Engine
from runtime.engine.grammar import CompiledGrammar

_KEPT = 128
_SPACE = {"whitespace_flexible": True, "whitespace_pattern": " ?"}


class SchemaGrammars:
    """The most recently used schemas and their grammars. Compiles beside the engine's thread, one at a time."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._compiled: OrderedDict[bytes, CompiledGrammar] = OrderedDict()
        self._lock = Lock()

    def compiled(self, schema: Mapping[str, Any]) -> CompiledGrammar:
        """The grammar of a schema; raises what the engine says about a schema that it cannot take."""
        key = canonical(schema)
        with self._lock:
            if key not in self._compiled:
                self._compiled[key] = self._engine.compile_grammar({"x-guidance": _SPACE, **schema})
                if len(self._compiled) > _KEPT:
                    self._compiled.popitem(last=False)
            self._compiled.move_to_end(key)
            return self._compiled[key]
