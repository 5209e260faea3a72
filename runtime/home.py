"""Where things lie: what the project ships, and what this user keeps.

Shipped YAML and schemas stand at the top of a source tree and inside an installed wheel; a folder of the same name in the
working directory adds to them, and overrides them file by file.
What the user keeps follows the XDG folders, or lies together under `EXPERTBUILD_HOME`.
"""

import os
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def shipped(name: str) -> Path:
    """The shipped folder `conf`, `schemas` or `experts`."""
    in_wheel = _PACKAGE / "share" / name
    return in_wheel if in_wheel.is_dir() else _PACKAGE.parent / name


def folders(name: str) -> list[Path]:
    """The folders `conf` or `experts`: that of the working directory, if there is one, and what is shipped. The first that
    has a file wins."""
    own, ours = Path.cwd() / name, shipped(name)
    if not own.is_dir() or (ours.is_dir() and own.samefile(ours)):
        return [ours]
    return [own, ours]


def declared(group: str) -> dict[str, Path]:
    """The files of a group of `conf`, by name."""
    return {file.stem: file for folder in reversed(folders("conf")) for file in (folder / group).glob("*.yaml")}


def cache_home() -> Path:
    """Build results; safe to delete."""
    return _home("cache", "XDG_CACHE_HOME", ".cache")


def data_home() -> Path:
    """The store of installed packages."""
    return _home("data", "XDG_DATA_HOME", ".local/share")


def config_home() -> Path:
    """Keys and the trust file."""
    return _home("config", "XDG_CONFIG_HOME", ".config")


def _home(kind: str, variable: str, default: str) -> Path:
    together = os.environ.get("EXPERTBUILD_HOME")
    if together:
        return Path(together).expanduser().absolute() / kind
    root = os.environ.get(variable)
    return (Path(root) if root else Path.home() / default) / "expertbuild"
