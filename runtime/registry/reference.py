"""How people name what is installed: `expert-sql`, `local/expert-sql@0.1.0`, or the beginning of a package id.

Also the order of versions, as SemVer 2.0 says. Ranges are not read here.
"""

import re
from dataclasses import dataclass
from typing import Any

from runtime.artifact.manifest import NAME, VERSION
from runtime.errors import Mistake

_SHORTEST_ID = 8


@dataclass(frozen=True)
class Reference:
    """What somebody typed, taken apart. `digits` is set when it could be the beginning of a package id."""

    name: str | None
    publisher: str | None = None
    version: str | None = None
    digits: str | None = None


def parse_reference(text: str) -> Reference:
    """Take a reference apart; whatever is not one (a path, `../..`) is the user's mistake."""
    digits = text if re.fullmatch(rf"[0-9a-f]{{{_SHORTEST_ID},64}}", text) else None
    full, at, version = text.partition("@")
    publisher, slash, name = full.rpartition("/")
    sound = NAME.fullmatch(name) and (not slash or NAME.fullmatch(publisher))
    if sound and (not at or is_version(version)):
        return Reference(name, publisher or None, version or None, digits)
    if digits:
        return Reference(None, digits=digits)
    raise Mistake(
        f"{text[:100]!r} does not name an expert.",
        hint="Write NAME, PUBLISHER/NAME, PUBLISHER/NAME@VERSION, or 8 or more digits of a package id.",
    )


def parse_wanted(text: str) -> tuple[str | None, str, str]:
    """Publisher, name and range of NAME, PUBLISHER/NAME or either with @RANGE."""
    full, at, wanted = text.partition("@")
    publisher, slash, name = full.rpartition("/")
    if not NAME.fullmatch(name) or (slash and not NAME.fullmatch(publisher)) or (at and not wanted.strip()):
        raise Mistake(
            f"{text[:100]!r} names no expert and no package file.",
            hint="Write NAME, PUBLISHER/NAME, NAME@RANGE such as 'expert-sql@^1.2', or the path of a .expert file.",
        )
    return publisher or None, name, wanted.strip() or "*"


def is_version(text: str) -> bool:
    return len(text) <= 64 and VERSION.fullmatch(text) is not None


def precedence(version: str) -> tuple[Any, ...]:
    """A key that sorts versions as SemVer does; build metadata decides only between equals, so that the order is total."""
    core, _, build = version.partition("+")
    numbers, _, prerelease = core.partition("-")
    parts = tuple((0, int(p), "") if p.isdigit() else (1, 0, p) for p in prerelease.split(".") if p)
    return (*map(int, numbers.split(".")), not prerelease, parts, build)


def standing_order(version: str) -> tuple[Any, ...]:
    """A key by which the version that a bare name means is the highest: a prerelease counts less than any release."""
    return ("-" not in version.partition("+")[0], precedence(version))
