"""What lies in a cache, looked at from outside a build: results, objects, scratch.

Everything is known by its name; what has another name is not ours. Somebody may have made a folder
of their own the cache.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from expertbuild.graph.cache import Cache
from expertbuild.graph.disk import folder_size
from expertbuild.graph.record import Record, is_digest, read_record


@dataclass(frozen=True)
class Result:
    path: Path
    used: float
    """When it was used last."""
    record: Record

    @property
    def objects(self) -> dict[str, int]:
        return {entry.sha256: entry.size for entry in self.record.outputs.values()}

    @property
    def size(self) -> int:
        return sum(self.objects.values())


@dataclass(frozen=True)
class Scratch:
    """The work folder of a step that was not finished."""

    path: Path
    used: float
    size: int


def result_files(cache: Cache) -> list[Path]:
    return [path for path in cache.results.glob("*.json") if is_digest(path.stem)]


def results(cache: Cache) -> Iterator[Result]:
    for path in result_files(cache):
        with suppress(OSError, ValueError):
            yield Result(path, path.stat().st_mtime, read_record(path.read_bytes(), path.stem))


def scratch(cache: Cache) -> Iterator[Scratch]:
    for path in (cache.root / "work").glob("*"):
        if path.is_dir() and is_digest(path.name):
            with suppress(OSError):
                newest = max(entry.stat().st_mtime for entry in [path, *path.rglob("*")])
                yield Scratch(path, newest, folder_size(path))


def objects(cache: Cache) -> Iterator[tuple[str, os.stat_result]]:
    """Digest and stat of every object."""
    for folder in cache.store.root.glob("??"):
        for path in folder.iterdir():
            digest = folder.name + path.name
            if is_digest(digest):
                with suppress(OSError):
                    yield digest, path.stat()
