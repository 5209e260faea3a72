"""Which project modules an action runs, and their digests: found through the import statements, statically.

From the function's module it follows every import, inside functions too, into the project's own
packages: `expertbuild`, `runtime`, and whatever package the function or a plugin lives in. Every
package on the way counts with its `__init__`. The graph's own modules do not count: they move
results around and are no part of them. Modules found by a name that is computed at run time are
not seen; an action names those through `plugins`.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.machinery import EXTENSION_SUFFIXES, PathFinder
from pathlib import Path

from expertbuild.graph.errors import GraphMistake
from expertbuild.graph.memo import Memo, signature
from expertbuild.graph.source import Source, read_source
from expertbuild.graph.tree import hash_file

MACHINERY = __name__.rpartition(".")[0]
"""The graph's own package."""
_PROJECT = frozenset({"expertbuild", "runtime"})


@dataclass(frozen=True, slots=True)
class Module:
    name: str
    path: str | None
    """None for a namespace package: a folder without `__init__`."""
    search: tuple[str, ...] = ()
    """Where its submodules lie; empty for a plain module."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One source file as it was when the build began."""

    path: str
    signature: list[int]
    digest: str


class Code:
    """Reads each module once: a build sees one state of the code from its beginning to its end."""

    def __init__(self, memo: Memo) -> None:
        self._memo = memo
        self._modules: dict[str, Module | None] = {}
        self._sources: dict[str, Source] = {}
        self._listings: dict[str, frozenset[str]] = {}
        self._closures: dict[frozenset[str], dict[str, str]] = {}
        self.seen: dict[str, Seen] = {}

    def closure(self, modules: Iterable[str], wanted_by: str) -> dict[str, str]:
        """Module name -> digest, for `modules` and all project modules that they import."""
        wanted = frozenset(modules)
        if wanted not in self._closures:
            for name in wanted:
                if self._find(name) is None:
                    raise GraphMistake(f"there is no module {name}", where=wanted_by)
            self._closures[wanted] = self._follow(wanted)
        return self._closures[wanted]

    def shown(self, name: str) -> str:
        """A module's source as a person would name it: `expertbuild/training/sft.py`."""
        module = self._find(name)
        inside = name.replace(".", "/")
        return f"{inside}/__init__.py" if module and module.search else f"{inside}.py"

    def _follow(self, wanted: frozenset[str]) -> dict[str, str]:
        project = _PROJECT | {name.partition(".")[0] for name in wanted}
        found: dict[str, str] = {}
        visited: set[str] = set()
        stack = list(wanted)
        while stack:
            name = stack.pop()
            if name in visited:
                continue
            visited.add(name)
            parent, _, _ = name.rpartition(".")
            if name.partition(".")[0] not in project or f"{name}.".startswith(f"{MACHINERY}."):
                continue
            if parent:
                stack.append(parent)
            module = self._find(name)
            if module is not None and module.path is not None:
                source = self._read(module)
                found[name] = source.digest
                stack.extend(source.imports)
        return dict(sorted(found.items()))

    def _read(self, module: Module) -> Source:
        if module.name in self._sources:
            return self._sources[module.name]
        path = module.path or ""
        info = os.stat(path)
        slot = f"{module.name}:{path}"
        known = self._memo.get(slot, info)
        if known:
            source = Source(known[0], tuple(known[1]))
        elif path.endswith(".py"):
            source = read_source(Path(path).read_bytes(), module.name, bool(module.search))
        else:
            source = Source("raw:" + hash_file(Path(path)), ())
        if not known:
            self._memo.put(slot, info, [source.digest, list(source.imports)])
        self._sources[module.name] = source
        self.seen[module.name] = Seen(path, signature(info), source.digest)
        return source

    def _find(self, name: str) -> Module | None:
        if name not in self._modules:
            parent, _, last = name.rpartition(".")
            self._modules[name] = self._below(name, parent, last) if parent else self._top(name)
        return self._modules[name]

    def _top(self, name: str) -> Module | None:
        spec = PathFinder.find_spec(name) if name.isidentifier() else None
        if spec is None:
            return None
        path = spec.origin if spec.has_location else None
        return Module(name, path, tuple(spec.submodule_search_locations or ()))

    def _below(self, name: str, parent: str, last: str) -> Module | None:
        package = self._find(parent)
        if package is None:
            return None
        folders = []
        for folder in package.search:
            inside = self._list(folder)
            if last in inside:
                here = os.path.join(folder, last)
                if "__init__.py" in self._list(here):
                    return Module(name, os.path.join(here, "__init__.py"), (here,))
                if os.path.isdir(here):
                    folders.append(here)
            for suffix in (".py", *EXTENSION_SUFFIXES):
                if last + suffix in inside:
                    return Module(name, os.path.join(folder, last + suffix))
        return Module(name, None, tuple(folders)) if folders else None

    def _list(self, folder: str) -> frozenset[str]:
        if folder not in self._listings:
            try:
                self._listings[folder] = frozenset(os.listdir(folder))
            except OSError:
                self._listings[folder] = frozenset()
        return self._listings[folder]
