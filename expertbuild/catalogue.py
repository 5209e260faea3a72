"""Names in configuration and the modules behind them: an explicit table, looked up late.

A source, transform, scorer or adapter is one file; its name in YAML finds the module here, and only the module that
is used is imported. The build graph asks for `module(name)` to digest exactly the code that a recipe runs.
Deliberately no entry points and no import paths in configuration: what travels can name, never load.
"""

import difflib
import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType

from runtime.errors import Mistake


class UnknownName(Mistake):
    """A name in the configuration that no table holds."""


@dataclass(frozen=True)
class Catalogue:
    """One kind of thing by name; `what` is how errors call it: "scorer"."""

    what: str
    modules: Mapping[str, str]

    def module(self, name: str) -> str:
        """The dotted module of this name."""
        if name in self.modules:
            return self.modules[name]
        near = difflib.get_close_matches(str(name), self.modules, n=1)
        raise UnknownName(
            f'there is no {self.what} "{name}".',
            hint=f'Did you mean "{near[0]}"?' if near else f"Known: {', '.join(sorted(self.modules))}.",
        )

    def load(self, name: str) -> ModuleType:
        return importlib.import_module(self.module(name))
