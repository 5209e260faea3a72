"""What is true of the sources when a build begins: code, library versions, file contents, configuration.

Each is read once, so that a build is of one piece even when somebody edits while it runs; whether
what ran was what was read is checked by the worker at the end (perform.py).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from expertbuild.graph.action import Step
from expertbuild.graph.cache import Cache
from expertbuild.graph.code import Code, Seen
from expertbuild.graph.errors import GraphMistake
from expertbuild.graph.key import cut, key_document, without
from expertbuild.graph.libraries import Libraries
from expertbuild.graph.memo import Memo
from expertbuild.graph.sensitive import find_secrets
from expertbuild.graph.source import FORMAT as CODE_FORMAT
from expertbuild.graph.tree import source_digest


@dataclass(frozen=True)
class Asked:
    """All of a step's key document except the inputs."""

    step: Step
    config: dict[str, Any]
    """What is part of the key."""
    given: dict[str, Any]
    """What the function sees: the same, and what the key leaves out on purpose."""
    files: dict[str, str]
    code: dict[str, str]
    libraries: dict[str, str | None]

    def document(self, inputs: Mapping[str, str]) -> dict[str, Any]:
        return key_document(
            self.step, self.config, inputs=inputs, files=self.files, code=self.code, libraries=self.libraries
        )


class Facts:
    def __init__(self, cache: Cache) -> None:
        self._staging = cache.staging
        self._memos = code_memo(cache), file_memo(cache)
        self._code = Code(self._memos[0])
        self._libraries = Libraries()

    def ask(self, step: Step) -> Asked:
        action = step.action
        given = _given(step)
        config = without(given, action.unkeyed)
        module, colon, function = action.function.partition(":")
        if not colon or not function:
            raise GraphMistake(f"its function is {action.function!r}, not module:name", where=step.id)
        modules = [module, *(action.plugins(config) if action.plugins else ())]
        return Asked(
            step,
            config,
            given,
            {role: self.file(step, role) for role in sorted(step.files)},
            self._code.closure(modules, step.id),
            {name: self._libraries.version(name) for name in sorted(action.libraries)}
            | dict(action.engines(config) if action.engines else {}),
        )

    def file(self, step: Step, role: str) -> str:
        return source_digest(step.files[role], self._memos[1], f"{step.id}: file {role}")

    def seen(self, code: Iterable[str]) -> dict[str, Seen]:
        return {name: self._code.seen[name] for name in code}

    def path(self, module: str) -> str:
        """Where a module's source lies, as a person would name it."""
        return self._code.shown(module)

    def save(self) -> None:
        for memo in self._memos:
            memo.save(self._staging)


def _given(step: Step) -> dict[str, Any]:
    return cut(step.config, (*step.action.reads, *step.action.unkeyed))


def code_memo(cache: Cache) -> Memo:
    """What modules import and hold, by the stat of their files."""
    return Memo(cache.root / "memo" / "code.json", CODE_FORMAT)


def file_memo(cache: Cache) -> Memo:
    """What source files and directories hold, by their stat."""
    return Memo(cache.root / "memo" / "files.json", "files-1")


def refuse_secrets(steps: Iterable[Step]) -> None:
    """No step may read a field that holds a secret; all such fields are named at once."""
    found = sorted({name for step in steps for name in find_secrets(_given(step))})
    if found:
        raise GraphMistake(
            f"{', '.join(found)} {'looks' if len(found) == 1 else 'look'} like a secret; "
            "what a step reads is written into keys and results",
            hint="Put the value into an environment variable and name the variable instead, as in api_key_env=NAME.",
        )
