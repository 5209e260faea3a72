"""Installed versions of distributions, read from the names of their metadata folders.

`importlib.metadata` says the same (a test holds us to it) but costs 20-100 ms to import, which a
build with nothing to do would spend only here.
"""

import os
import re
import sys
from pathlib import Path

_SEPARATORS = re.compile(r"[-_.]+")
_SUFFIXES = (".dist-info", ".egg-info")


class Libraries:
    """The installed distributions, listed once when first asked."""

    def __init__(self) -> None:
        self._versions: dict[str, str] | None = None

    def version(self, name: str) -> str | None:
        if self._versions is None:
            self._versions = _installed()
        return self._versions.get(_normal(name))


def _installed() -> dict[str, str]:
    versions: dict[str, str] = {}
    for folder in sys.path:
        try:
            entries = os.listdir(folder or ".")
        except OSError:
            continue
        for entry in entries:
            if entry.endswith(_SUFFIXES):
                name, version = _parse(folder, entry)
                if version:
                    versions.setdefault(_normal(name), version)
    return versions


def _parse(folder: str, entry: str) -> tuple[str, str]:
    name, _, version = entry.rpartition(".")[0].partition("-")
    if entry.endswith(".egg-info"):
        version = re.sub(r"-py\d.*$", "", version) or _stated(Path(folder, entry))
    return name, version


def _stated(path: Path) -> str:
    try:
        text = (path / "PKG-INFO" if path.is_dir() else path).read_text("utf-8", "replace")
    except OSError:
        return ""
    found = re.search(r"^Version: *(\S+)", text, re.MULTILINE)
    return found[1] if found else ""


def _normal(name: str) -> str:
    return _SEPARATORS.sub("-", name).lower()
