"""What a migration makes: an expert of ours, before it is written as files."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Identity:
    """`expert.yaml`, but for what it learns with."""

    name: str
    version: str
    summary: str
    description: str
    license: str
    capabilities: tuple[str, ...]
    limitations: tuple[str, ...] = ()
    author: str = ""  # for README.md: a release is vouched for by its key


@dataclass(frozen=True)
class Routing:
    keywords: tuple[str, ...] = ()
    exclude_keywords: tuple[str, ...] = ()
    priority: float = 0.5
    requires: Mapping[str, str] = field(default_factory=dict)
    conflicts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class OnBase:
    """`bases/NAME.yaml`: what the expert says for one base only. `known`: conf/base has it."""

    name: str
    known: bool
    adapter: Mapping[str, Any] = field(default_factory=dict)
    train: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Learning:
    """The adapter and what it stands on; no kind: the one that conf chooses."""

    kind: str | None = None
    bases: tuple[OnBase, ...] = ()
    seed: int | None = None

    @property
    def base(self) -> str | None:
        """The base that is built for when nothing else is said."""
        return next((base.name for base in self.bases if base.known), None)


@dataclass(frozen=True)
class Decoding:
    """`decoding.yaml`; None: as the `generation` group has it."""

    system: str | None = None
    grammar: str | None = None  # the text of grammar.gbnf
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    max_tokens: int = 512
    stop: tuple[str, ...] = ()


@dataclass(frozen=True)
class Data:
    """`dataset.yaml` and `evaluation.yaml`; no generator: rows that somebody has to bring."""

    generator: str | None = None
    scorer: str = "exact_match"


@dataclass(frozen=True)
class Expert:
    identity: Identity
    routing: Routing
    learning: Learning
    decoding: Decoding
    data: Data
    schema: str  # of the manifest it comes from
