"""Backends by name: how a base becomes a student. Each file provides `prepare(base, adapter, settings, seed)`."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from expertbuild.catalogue import Catalogue
from expertbuild.training.settings import Settings

if TYPE_CHECKING:  # a plan looks a name up here, and must not import torch for it
    from expertbuild.training.student import Student

BACKENDS = Catalogue("training backend", {name: f"{__name__}.{name}" for name in ("peft", "unsloth")})


class Backend(Protocol):
    """What each file here provides."""

    def prepare(self, base: Path, adapter: Mapping[str, Any], settings: Settings, seed: int) -> "Student": ...


def backend(name: str) -> Backend:
    return cast(Backend, BACKENDS.load(name))
