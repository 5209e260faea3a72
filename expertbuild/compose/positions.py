"""On which line of a YAML file each key stands.

Reads the same files as Hydra once more, with PyYAML's node marks, and only when somebody asks.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

KeyPath = tuple[str, ...]


def lines(file: Path) -> dict[KeyPath, int]:
    """Every key path of the file (list items by their index) and its line, counted from 1. A broken file has none."""
    try:
        with file.open(encoding="utf-8") as text:
            root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return {}
    return {} if root is None else dict(_walk(root, ()))


def _walk(node: Any, path: KeyPath) -> Iterator[tuple[KeyPath, int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*path, str(key.value))
            yield here, key.start_mark.line + 1
            yield from _walk(value, here)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            here = (*path, str(index))
            yield here, value.start_mark.line + 1
            yield from _walk(value, here)
