"""What could be installed: one version of one expert, as a source offers it, before any byte of it is fetched."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Candidate:
    publisher: str
    name: str
    version: str
    id: str  # package id: SHA-256 of the statement. What is fetched must have it
    source: str  # where it is offered, for people: "index acme", "folder ./packages"
    requires: Mapping[str, str] = field(default_factory=dict)  # PUBLISHER/NAME -> SemVer range
    conflicts: Mapping[str, str] = field(default_factory=dict)
    variants: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # base -> {base, tokenizer}: SHA-256
    summary: str = ""
    size: int = 0
    yanked: str = ""  # why no new resolve may take it; empty when it may
    fetch: Callable[[Path], Path] | None = None  # write the package into this folder and return its path

    @property
    def full_name(self) -> str:
        return f"{self.publisher}/{self.name}"


class Source(Protocol):
    """A place that offers packages. Everything it says is checked again after fetching: id, signatures, statement."""

    @property
    def title(self) -> str: ...

    def candidates(self, publisher: str, name: str) -> Iterable[Candidate]:
        """Every version it has of this expert, yanked ones too; empty when it has none."""
        ...

    def publishers(self, name: str) -> Iterable[str]:
        """Who publishes an expert of this bare name here."""
        ...

    def search(self, words: str) -> Iterable[Candidate]:
        """The newest version of each expert whose name, summary, or keywords fit."""
        ...
