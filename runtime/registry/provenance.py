"""How a release came about, for a person: each action of its build, from what, with which settings, code and libraries.

All of it is what the builder states and signed. The documents are the build's own and may hold anything; what has not
the form that is expected here is shown as it is, cut short.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from runtime.artifact.strict_json import canonical

_ORDER = ("base", "dataset", "train", "compile", "evaluate", "compare", "profile")
_SHORT = 12
_LONGEST = 160
_MOST = 200  # settings of one action


def lines(provenance: Mapping[str, Any]) -> Iterator[str]:
    """Not yet safe to print: whoever prints them shows them."""
    actions = provenance["actions"]
    yield f"  built by {len(actions)} actions, as its builder states and signed:"
    for step in sorted(actions, key=_place):
        yield from _action(step, actions[step])
    if provenance["libraries"]:
        yield "  libraries: " + ", ".join(
            f"{name} {version}" for name, version in sorted(provenance["libraries"].items())
        )
    for name, digest in sorted(provenance["datasets"].items()):
        yield f"  data {name}: sha256 {digest}"


def _place(step: str) -> tuple[int, str]:
    name = step.partition("[")[0]
    return (_ORDER.index(name) if name in _ORDER else len(_ORDER), step)


def _action(step: str, document: Mapping[str, Any]) -> Iterator[str]:
    said = [f"version {document['version']}"] if "version" in document else []
    said += [f"seed {document['seed']}"] if "seed" in document else []
    if code := document.get("code"):
        modules = f"{len(code)} modules of code, " if isinstance(code, dict) else ""
        said.append(f"{modules}digest {hashlib.sha256(canonical(code)).hexdigest()[:_SHORT]}")
    yield f"    {step}" + (f" ({_cut(', '.join(said))})" if said else "")
    for word in ("inputs", "files"):
        if isinstance(named := document.get(word), dict) and named:
            yield f"      {word}: " + ", ".join(f"{name} {_digest(value)}" for name, value in sorted(named.items()))
    if isinstance(libraries := document.get("libraries"), dict) and libraries:
        yield "      libraries: " + ", ".join(f"{name} {version}" for name, version in sorted(libraries.items()))
    for number, (path, value) in enumerate(_settings(document.get("config"), "")):
        if number == _MOST:
            yield "      ... and more: --json shows all of it"
            return
        yield f"      {path} = {_cut(json.dumps(value, ensure_ascii=False))}"


def _settings(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every setting by its dotted path; lists as a whole."""
    if isinstance(value, dict):
        for name, below in sorted(value.items()):
            yield from _settings(below, f"{path}.{name}" if path else name)
    elif path:
        yield path, value


def _digest(value: Any) -> str:
    return str(value).rpartition(":")[2][:_SHORT]


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
