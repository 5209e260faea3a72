"""The question a result answers, as a document, and its SHA-256: the key.

In the document: the action's name, version and function, the configuration it reads, the content
of its inputs and files, the code it runs, the seed, the library versions it names. Not in it: where
anything lies, when it ran, on how many cores, the step's id. A change of this file's output throws
everybody's cache away; tests/graph/test_pins.py makes such a change visible.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from expertbuild.graph.action import Step
from expertbuild.graph.canonical import digest, plain

FORMAT = "expertbuild-key/1"


def cut(config: Mapping[str, Any], reads: Iterable[str]) -> dict[str, Any]:
    """The part of `config` under the dotted paths `reads`, in its place. A path that is not there is left out."""
    found: dict[str, Any] = {}
    for path in sorted(reads):  # a parent before its parts
        *parents, last = path.split(".")
        source: Any = config
        for name in parents:
            source = source.get(name) if isinstance(source, Mapping) else None
        if not isinstance(source, Mapping) or last not in source:
            continue
        target = found
        for name in parents:
            held = target.get(name)
            target[name] = target = dict(held) if isinstance(held, Mapping) else {}
        target[last] = source[last]
    return found


def without(config: Mapping[str, Any], paths: Iterable[str]) -> dict[str, Any]:
    """`config` less what lies under the dotted paths; `*` stands for every name of a mapping or entry of a list."""
    found: Any = config
    for path in paths:
        found = _less(found, path.split("."))
    return dict(found)


def _less(value: Any, path: list[str]) -> Any:
    name, *rest = path
    if name == "*" and isinstance(value, list | tuple):
        return [_less(each, rest) for each in value] if rest else []
    if not isinstance(value, Mapping):
        return value
    names = list(value) if name == "*" else [name] if name in value else []
    changed = {each: _less(value[each], rest) for each in names} if rest else {}
    return {each: changed.get(each, held) for each, held in value.items() if rest or each not in names}


def key_document(
    step: Step,
    config: Mapping[str, Any],
    *,
    inputs: Mapping[str, str],
    files: Mapping[str, str],
    code: Mapping[str, str],
    libraries: Mapping[str, str | None],
) -> dict[str, Any]:
    """`config` is already cut; `inputs` maps a role to the digest of the output tree it is given."""
    return {
        "format": FORMAT,
        "action": step.action.name,
        "version": step.action.version,
        "function": step.action.function,
        "config": plain(config, step.id),
        "inputs": dict(inputs),
        "files": dict(files),
        "code": dict(code),
        "libraries": dict(libraries),
        "seed": step.seed,
    }


def key_of(document: Mapping[str, Any]) -> str:
    return digest(document)
