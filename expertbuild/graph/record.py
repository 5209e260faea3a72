"""A recorded result: the key document, the output tree it led to, and how it came about.

Read strictly, since a record may come from a damaged disk or from a remote cache that lies.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from expertbuild.graph.canonical import read_json
from expertbuild.graph.key import key_of
from expertbuild.graph.tree import Entry, Tree, check_paths, tree_digest

FORMAT = "expertbuild-result/1"
_HEX = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True)
class Record:
    key: str
    document: Mapping[str, Any]
    outputs: Tree
    step: str
    """The id under which it was first built: for people, never compared."""
    seconds: float
    finished: str
    inputs: Mapping[str, str] = field(default_factory=dict)
    """Role -> key of the result that was the input: what a package needs is found along these."""
    made_with: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def tree(self) -> str:
        return tree_digest(self.outputs)

    @property
    def size(self) -> int:
        return sum(entry.size for entry in self.outputs.values())

    def to_bytes(self) -> bytes:
        document = {
            "format": FORMAT,
            "key": self.key,
            "step": self.step,
            "tree": self.tree,
            "outputs": {path: asdict(entry) for path, entry in self.outputs.items()},
            "inputs": self.inputs,
            "seconds": self.seconds,
            "finished": self.finished,
            "made_with": self.made_with,
            "document": self.document,
        }
        return json.dumps(document, indent=1, sort_keys=True, allow_nan=False).encode()


def read_record(data: bytes, key: str) -> Record:
    """The record for `key`, whose key document gives exactly that key. Raises ValueError."""
    stored = read_json(data)
    if not isinstance(stored, dict) or stored.get("format") != FORMAT:
        raise ValueError("it is not a result record of this version")
    if stored.get("key") != key:
        raise ValueError("it belongs to another key")
    recorded = _mapping(stored, "document")
    if key_of(recorded) != key:
        raise ValueError("its key document does not give its key")
    outputs = {path: _entry(path, value) for path, value in _mapping(stored, "outputs").items()}
    check_paths(outputs)
    if tree_digest(outputs) != stored.get("tree"):
        raise ValueError("its list of outputs does not give its tree digest")
    inputs = _mapping(stored, "inputs")
    if not all(isinstance(upstream, str) and _HEX.match(upstream) for upstream in inputs.values()):
        raise ValueError("its inputs are not keys")
    seconds = stored.get("seconds")
    if not isinstance(seconds, int | float):
        raise ValueError("its seconds are missing")
    step, finished = _line(stored, "step"), _line(stored, "finished")
    return Record(key, recorded, outputs, step, seconds, finished, inputs, _mapping(stored, "made_with"))


def is_digest(text: object) -> bool:
    return isinstance(text, str) and _HEX.match(text) is not None


def _mapping(stored: dict[str, Any], name: str) -> dict[str, Any]:
    value = stored.get(name)
    if not isinstance(value, dict):
        raise ValueError(f"its {name} is missing")
    return value


def _line(stored: dict[str, Any], name: str) -> str:
    """A text that is shown to people; it holds nothing that moves a cursor."""
    value = stored.get(name)
    if not isinstance(value, str) or not value.isprintable():
        raise ValueError(f"its {name} is malformed")
    return value


def _entry(path: str, value: Any) -> Entry:
    if not isinstance(value, dict) or set(value) != {"sha256", "size", "executable"}:
        raise ValueError(f"its entry for {path!r} is malformed")
    sha256, size, executable = value["sha256"], value["size"], value["executable"]
    if not is_digest(sha256) or type(size) is not int or size < 0 or type(executable) is not bool:
        raise ValueError(f"its entry for {path!r} is malformed")
    return Entry(sha256, size, executable)
