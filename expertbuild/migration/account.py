"""The account of a migration: what became of every value of the old manifest, each told exactly once.

A leaf is a value that holds no others: text, a number, true, null, an empty list. Whoever reads a leaf settles it. What
nobody settled is told as unknown, so nothing can be lost in silence; settling a leaf twice is an error of ours. How the
account is printed and written stands in `telling`.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from expertbuild.migration.refusals import OldManifestRefused
from runtime.artifact.shown import shown

Path = tuple[str | int, ...]

MOST_LEAVES = 20_000  # a real manifest has some hundreds
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


class Outcome(StrEnum):
    CARRIED = "carried"  # stands in the expert directory as it was
    CHANGED = "changed"  # stands there otherwise
    DROPPED = "dropped"  # has no place, and needs none
    DOUBTED = "doubted"  # was not believed


@dataclass(frozen=True)
class Entry:
    """What became of one leaf: where it is now (carried, changed), and why it is not as it was."""

    path: Path
    value: Any
    outcome: Outcome
    place: str = ""
    why: str = ""


@dataclass(frozen=True)
class Addition:
    """What our form needs and the old manifest does not say."""

    place: str
    what: str
    why: str


@dataclass(frozen=True)
class FileNote:
    """What became of one file of the package."""

    name: str
    outcome: Outcome
    place: str = ""
    why: str = ""


@dataclass
class Account:
    """One migration's account. `settle` applies to every leaf at or below a path that nobody settled before."""

    document: Any
    additions: list[Addition] = field(default_factory=list)
    files: list[FileNote] = field(default_factory=list)
    _open: dict[Path, Any] = field(init=False)
    _settled: dict[Path, Entry] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._open = {}
        for path, value in leaves(self.document):
            if len(self._open) == MOST_LEAVES:
                raise OldManifestRefused(f"The manifest holds more than {MOST_LEAVES:,} values.")
            self._open[path] = value

    def carried(self, path: Path, place: str) -> None:
        self.settle(path, Outcome.CARRIED, place)

    def changed(self, path: Path, place: str, why: str) -> None:
        self.settle(path, Outcome.CHANGED, place, why)

    def dropped(self, path: Path, why: str) -> None:
        self.settle(path, Outcome.DROPPED, why=why)

    def doubted(self, path: Path, why: str) -> None:
        self.settle(path, Outcome.DOUBTED, why=why)

    def added(self, place: str, what: str, why: str) -> None:
        self.additions.append(Addition(place, what, why))

    def settle(self, path: Path, outcome: Outcome, place: str = "", why: str = "") -> None:
        below = [path] if path in self._open else [each for each in self._open if each[: len(path)] == path]
        if not below and path in self._settled:
            raise AssertionError(f"{spelled(path)} is settled twice")
        for leaf in below:
            self._settled[leaf] = Entry(leaf, self._open.pop(leaf), outcome, place, why)

    def unsettled(self) -> list[tuple[Path, Any]]:
        """The leaves nobody has spoken for yet."""
        return list(self._open.items())

    def __contains__(self, path: Path) -> bool:
        """Whether this leaf was spoken for."""
        return path in self._settled

    def entries(self) -> list[Entry]:
        """Every leaf's entry, in the order of the document."""
        if self._open:
            raise AssertionError(f"{spelled(next(iter(self._open)))} is not accounted for")
        return [self._settled[path] for path, _ in leaves(self.document)]

    def count(self, outcome: Outcome) -> int:
        return sum(entry.outcome is outcome for entry in self._settled.values())


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every leaf with its path, in the order of the document."""
    if isinstance(value, dict) and value:
        for key, each in value.items():
            yield from leaves(each, (*path, key))
    elif isinstance(value, list) and value:
        for index, each in enumerate(value):
            yield from leaves(each, (*path, index))
    else:
        yield path, value


def spelled(path: Path) -> str:
    """`base_models[0].name`; a key that is no plain word stands in brackets and quotes, so no two paths look alike."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _PLAIN_KEY.fullmatch(part):
            text += f".{part}" if text else part
        else:
            text += f"[{json.dumps(part, ensure_ascii=False)}]"
    return shown(text, 300) or "the document"
