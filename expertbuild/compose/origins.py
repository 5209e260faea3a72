"""Where a value comes from: `conf/adapter/dora.yaml:7`, or `command line: adapter.r=16`.

Worked out by merging the line numbers of the files in the order in which Hydra merged their content, and only
when somebody asks: a build in which all is well never pays for it.
"""

import re
from collections.abc import Iterable, Sequence
from functools import cached_property

from expertbuild.compose.command import Command
from expertbuild.compose.places import short
from expertbuild.compose.positions import KeyPath, lines

_STEP = re.compile(r"[^.\[\]]+")


class Origins:
    """The places of one composed configuration."""

    def __init__(self, command: Command) -> None:
        self.command = command

    def of(self, path: str | Sequence[str | int]) -> str:
        """The place of a key such as `adapter.r` or `dataset.offline.sources[0].rows`, or of the nearest one around it."""
        steps = split(path)
        for length in range(len(steps), 0, -1):
            place = self._places.get(steps[:length])
            if place:
                return place
        below = (place for path, place in self._places.items() if steps and path[: len(steps)] == steps)
        return next(below, "")

    @cached_property
    def _places(self) -> dict[KeyPath, str]:
        from expertbuild.compose.session import session

        with session(self.command) as hydra:
            files, values = hydra.read_from(self.command.overrides)
        places: dict[KeyPath, str] = {}
        for file, package in files:
            inside = split(package)
            places[inside] = f"{short(file)}:1"
            for path, line in lines(file).items():
                if path[0] not in ("defaults", "hydra"):
                    places[inside + path] = f"{short(file)}:{line}"
        for override in values:
            _lay_over(places, override)
        return places


def split(path: str | Iterable[str | int]) -> KeyPath:
    """`a.b[0]` and ("a", "b", 0) as ("a", "b", "0")."""
    return tuple(_STEP.findall(path)) if isinstance(path, str) else tuple(str(step) for step in path)


def typed(override: str) -> str:
    return f"command line: {override}"


def _lay_over(places: dict[KeyPath, str], override: str) -> None:
    """Everything at or below the key of an override now comes from the command line."""
    key = split(override.lstrip("+~").partition("=")[0])
    for path in [path for path in places if path[: len(key)] == key]:
        del places[path]
    places[key] = typed(override)
