"""What a build and its workers say to each other: one task down, then these up until the task is over."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from expertbuild.graph.code import Seen
from expertbuild.graph.record import Record
from expertbuild.graph.tree import Tree


@dataclass(frozen=True)
class Task:
    """All that a worker needs to build one step."""

    step: str
    key: str
    document: Mapping[str, Any]
    config: dict[str, Any]
    inputs: Mapping[str, Tree]
    input_keys: Mapping[str, str]
    lineage: Mapping[str, Mapping[str, Any]]
    files: Mapping[str, Path]
    code: Mapping[str, Seen]
    root: Path
    """Of the cache."""


@dataclass(frozen=True)
class Busy:
    """Another build holds the key. The task is over."""


@dataclass(frozen=True)
class Begun:
    resumed: bool


@dataclass(frozen=True)
class Said:
    fields: Mapping[str, Any]


@dataclass(frozen=True)
class Ended:
    """The task is over, its result recorded."""

    record: Record
    built: bool
    """False when another build had recorded it in the meantime."""
    notes: tuple[str, ...] = ()
    """What is worth a warning."""


@dataclass(frozen=True)
class Spoilt:
    """The task is over before it began: an input's bytes in the store are not what they should be."""

    role: str
    path: str


@dataclass(frozen=True)
class Broke:
    """The task is over, without a result."""

    what: str
    hint: str = ""
    exit_code: int = 1
    kind: str = ""
    trace: str = ""


Message = Busy | Begun | Said | Ended | Spoilt | Broke
