"""On which line of a YAML file each key stands.

Reads the same files as Hydra once more, with PyYAML's node marks, and only when somebody asks.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

KeyPath = tuple[str, ...]


def lines(file: Path) -> dict[KeyPath, int]:
    """Every key path of the file (list items by their index) and its line, counted from 1. A broken file has none."""
    try:
        return dict(_walk(_tree(file), ()))
    except RecursionError:  # a YAML anchor that refers to itself
        return {}


def defaults(file: Path) -> dict[str, int]:
    """The files that a defaults list chooses (`dora` of `override /adapter: dora`), each with its line."""
    root = _tree(file)
    found: dict[str, int] = {}
    for key, entries in root.value if getattr(root, "id", "") == "mapping" else ():
        for entry in entries.value if key.value == "defaults" and entries.id == "sequence" else ():
            pairs = entry.value if entry.id == "mapping" else [(entry, entry)]
            found |= {str(value.value): value.start_mark.line + 1 for _, value in pairs}
    return found


def keys_stand_in(file: Path) -> bool:
    """Whether the file holds keys and values, as configuration must."""
    return getattr(_tree(file), "id", "mapping") == "mapping"


def _tree(file: Path) -> Any:
    """The nodes of the file; None where it is empty or broken."""
    import yaml

    try:
        with file.open(encoding="utf-8") as text:
            return yaml.compose(text, Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError, RecursionError, yaml.YAMLError):
        return None


def _walk(node: Any, path: KeyPath) -> Iterator[tuple[KeyPath, int]]:
    kind = getattr(node, "id", "nothing")  # an empty file has no node
    if kind == "mapping":
        for key, value in node.value:
            here = (*path, str(key.value))
            yield here, key.start_mark.line + 1
            yield from _walk(value, here)
    elif kind == "sequence":
        for index, value in enumerate(node.value):
            here = (*path, str(index))
            yield here, value.start_mark.line + 1
            yield from _walk(value, here)
