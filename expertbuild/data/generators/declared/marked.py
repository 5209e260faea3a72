"""A YAML file with the line of everything in it; nothing of YAML that a reader could stumble over.

No anchors (a few lines of them can mean gigabytes), no key twice, no tags, no depth without end. Dates stay text.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from expertbuild.data.errors import RecipeMistake

MOST_BYTES = 4 * 1024 * 1024
DEEPEST = 24
_YAML = "tag:yaml.org,2002:"
_PLAIN = {"str", "int", "float", "bool", "null"}

Place = tuple[str | int, ...]


@dataclass(frozen=True)
class Marked:
    """A document, and on which line each part of it stands."""

    name: str
    value: Any
    lines: Mapping[Place, int]

    def mistake(self, what: str, *place: str | int, hint: str = "") -> RecipeMistake:
        """An error that names the line of a part, or of what it lies in."""
        while place and place not in self.lines:
            place = place[:-1]
        line = self.lines.get(place, 1)
        return RecipeMistake(what, where=f"{self.name}:{line}", hint=hint)


def read(path: Path) -> Marked:
    import yaml

    try:
        data = path.read_bytes()
    except OSError as error:
        raise RecipeMistake(f"cannot be read: {error.strerror}.", where=path.name) from None
    if len(data) > MOST_BYTES:
        raise RecipeMistake(f"has {len(data):,} bytes; at most {MOST_BYTES:,} are read.", where=path.name)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise RecipeMistake("is not UTF-8.", where=f"{path.name}:{line}") from None
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        _look(yaml.parse(text, Loader=loader), path.name)
        node = yaml.compose(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = " ".join(part for part in (error.context, error.problem) if part)
        raise RecipeMistake(f"is not YAML: {said}.", where=f"{path.name}:{mark.line + 1 if mark else 1}") from None
    except yaml.YAMLError as error:
        raise RecipeMistake(f"is not YAML: {str(error).splitlines()[0]}.", where=path.name) from None
    lines: dict[Place, int] = {}
    value = _value(node, (), lines, path.name, yaml.constructor.SafeConstructor()) if node else None
    return Marked(path.name, value, lines)


def _look(events: Any, name: str) -> None:
    """Refuse what must not be composed: what refers back, and what nests without end."""
    depth = 0
    for event in events:
        kind = type(event).__name__
        if getattr(event, "anchor", None):
            where = f"{name}:{event.start_mark.line + 1}"
            raise RecipeMistake("has an anchor or refers to one; here every value is written out.", where=where)
        depth += kind.endswith("StartEvent") - kind.endswith("EndEvent")
        if depth > DEEPEST:
            raise RecipeMistake(f"is nested more than {DEEPEST} deep.", where=f"{name}:{event.start_mark.line + 1}")


def _value(node: Any, place: Place, lines: dict[Place, int], name: str, plain: Any) -> Any:
    line = node.start_mark.line + 1
    lines.setdefault(place, line)
    kind = node.tag.rpartition(":")[2]
    if kind not in ({"map", "seq"} if node.id != "scalar" else {*_PLAIN, "timestamp"}) or not node.tag.startswith(
        _YAML
    ):
        raise RecipeMistake(f"has a value of the kind {node.tag[:60]}, which is not read.", where=f"{name}:{line}")
    if node.id == "mapping":
        made: dict[str, Any] = {}
        for key, value in node.value:
            at = key.start_mark.line + 1
            if key.id != "scalar":
                raise RecipeMistake("has a key that is no text.", where=f"{name}:{at}")
            if key.value in made:
                raise RecipeMistake(f'has the key "{key.value[:60]}" twice.', where=f"{name}:{at}")
            lines[(*place, key.value)] = at
            made[key.value] = _value(value, (*place, key.value), lines, name, plain)
        return made
    if node.id == "sequence":
        return [_value(each, (*place, number), lines, name, plain) for number, each in enumerate(node.value)]
    if kind == "timestamp":
        return node.value
    try:
        value = plain.construct_object(node)
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(value)
        return value
    except ValueError:
        raise RecipeMistake("has a value that cannot be read.", where=f"{name}:{line}") from None
