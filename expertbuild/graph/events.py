"""What a build says while it runs. The graph prints nothing; a listener gets these, in order, from one thread."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any


class Status(StrEnum):
    """The first four are what a plan says; the rest, and hit, what became of a step."""

    HIT = "hit"
    FETCH = "fetch"
    BUILD = "build"
    DEPENDS = "build?"
    """An input is built first; if it comes out as it once was, a result is there already."""
    FETCHED = "fetched"
    BUILT = "built"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Planned:
    """Once per step, before any work."""

    step: str
    status: Status
    key: str | None


@dataclass(frozen=True, slots=True)
class Hit:
    step: str
    key: str


@dataclass(frozen=True, slots=True)
class Fetched:
    step: str
    key: str
    size: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Started:
    step: str
    key: str
    resumed: bool
    """An earlier run left scratch behind, and the function may go on from it."""
    work: Path


@dataclass(frozen=True, slots=True)
class Progress:
    """What the function reported last: step, total, loss, message, ..."""

    step: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Waiting:
    """Another build works on the same key; its result will be taken."""

    step: str
    key: str


@dataclass(frozen=True, slots=True)
class Finished:
    step: str
    key: str
    seconds: float
    size: int


@dataclass(frozen=True, slots=True)
class Failed:
    step: str
    what: str
    """One sentence."""
    hint: str = ""
    exit_code: int = 1
    kind: str = ""
    """The class of the error."""
    log: Path | None = None
    """Traceback and what the function printed, if there is any."""


@dataclass(frozen=True, slots=True)
class Skipped:
    step: str
    because: tuple[str, ...]
    """The failed steps that it stands on."""


@dataclass(frozen=True, slots=True)
class Warned:
    """Something is not as it should be, and the build goes on."""

    what: str
    step: str = ""


@dataclass(frozen=True, slots=True)
class Stopping:
    """Ctrl-C or a request to end; the steps named are being stopped."""

    steps: tuple[str, ...] = field(default=())


Event = Planned | Hit | Fetched | Started | Progress | Waiting | Finished | Failed | Skipped | Warned | Stopping
Listener = Callable[[Event], None]
