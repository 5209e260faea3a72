"""What a cache holds, and making it smaller.

Shrinking is safe while builds run. A build announces itself, and marks every result it relies on as
used at that moment; whatever was used, or came into being, since the oldest running build began is
left alone. What a package still needs stays too (roots.py).
"""

import os
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass

from expertbuild.graph.cache import Cache
from expertbuild.graph.contents import Result, Scratch, objects, results, scratch
from expertbuild.graph.disk import folder_size, fresh_name, remove_tree
from expertbuild.graph.errors import using
from expertbuild.graph.locks import gate, present
from expertbuild.graph.record import is_digest
from expertbuild.graph.roots import root_files, roots

_GRACE = 60.0  # seconds: a result that somebody has just asked for may be read at this moment


@dataclass(frozen=True)
class Held:
    """The results of one action."""

    action: str
    results: int
    size: int
    """Bytes of their outputs; what two results share counts for both."""
    last_used: float


@dataclass(frozen=True)
class Usage:
    size: int
    """Bytes of all objects, each once."""
    objects: int
    work: int
    """Bytes of the scratch of steps that were not finished."""
    actions: tuple[Held, ...]
    roots: tuple[str, ...]


@dataclass(frozen=True)
class Shrunk:
    before: int
    after: int
    results: int
    """How many were removed."""
    kept_for_packages: int
    """Bytes that stay because a package needs them."""
    in_use: int
    """Bytes that stay because they were used a moment ago or a build is going on."""


def show(cache: Cache) -> Usage:
    held: dict[str, list[Result]] = {}
    for result in results(cache):
        held.setdefault(str(result.record.document["action"]), []).append(result)
    stored = dict(objects(cache))
    return Usage(
        size=sum(info.st_size for info in stored.values()),
        objects=len(stored),
        work=folder_size(cache.root / "work"),
        actions=tuple(
            Held(action, len(those), sum(one.size for one in those), max(one.used for one in those))
            for action, those in sorted(held.items())
        ),
        roots=tuple(sorted(label for label, _, _ in roots(cache))),
    )


def shrink(cache: Cache, limit: int) -> Shrunk:
    """Remove what was used longest ago until the cache holds at most `limit` bytes, as far as it may."""
    with using(cache.root), gate(cache.root / "locks" / "gate", alone=True):
        horizon = min([time.time() - _GRACE, *present(cache.root / "active")])
        alive = list(roots(cache))
        for path in set(root_files(cache)) - {path for _, _, path in alive}:
            path.unlink(missing_ok=True)
        needed = {key for _, keys, _ in alive for key in keys}
        done = _Shrinking(cache, horizon).down_to(limit, needed)
        _drop_trees(cache, horizon)
        _drop_documents(cache)
        return done


class _Shrinking:
    def __init__(self, cache: Cache, horizon: float) -> None:
        self._cache = cache
        self._horizon = horizon
        self._results = list(results(cache))
        self._scratch = list(scratch(cache))
        self._stored = dict(objects(cache))
        self._users = Counter(digest for result in self._results for digest in result.objects)
        self._size = sum(info.st_size for info in self._stored.values()) + sum(one.size for one in self._scratch)

    def down_to(self, limit: int, needed: set[str]) -> Shrunk:
        before, removed = self._size, 0
        for digest in self._stored.keys() - self._users.keys():  # of builds that were killed before they recorded it
            self._drop_object(digest)
        kept = [one for one in self._results if one.record.key in needed]
        free = [one for one in self._results if one.record.key not in needed]
        candidates: list[Result | Scratch] = [*free, *self._scratch]
        for one in sorted(candidates, key=lambda one: one.used):
            if self._size > limit and one.used < self._horizon:
                removed += self._drop_result(one) if isinstance(one, Result) else self._drop_scratch(one)
        in_use = [one for one in free if one.used >= self._horizon]
        return Shrunk(before, self._size, removed, _size(kept), _size(in_use))

    def _drop_result(self, result: Result) -> bool:
        """Remove a result and what only it needs, unless a build took to it at this very moment."""
        self._cache.staging.mkdir(parents=True, exist_ok=True)
        aside = self._cache.staging / fresh_name()
        try:
            os.rename(result.path, aside)
        except FileNotFoundError:
            return False
        if aside.stat().st_mtime >= self._horizon:
            os.rename(aside, result.path)
            return False
        aside.unlink()
        self._users.subtract(result.objects.keys())
        for digest in result.objects:
            if self._users[digest] == 0:
                self._drop_object(digest)
        return True

    def _drop_object(self, digest: str) -> None:
        """Remove an object that no result names, unless it was stored by a build that still runs."""
        path = self._cache.store.path(digest)
        with suppress(FileNotFoundError):
            if path.stat().st_ctime < self._horizon:
                path.unlink()
                self._size -= self._stored[digest].st_size

    def _drop_scratch(self, scratch: Scratch) -> bool:
        """Remove what an unfinished step left, unless it is being worked on. Counts for no result."""
        lock = self._cache.lock(scratch.path.name)
        if lock is not None:
            with lock:
                remove_tree(scratch.path)
                self._cache.log(scratch.path.name).unlink(missing_ok=True)
                self._size -= scratch.size
        return False


def _size(those: list[Result]) -> int:
    """Bytes of their outputs, what they share counted once."""
    return sum({digest: size for one in those for digest, size in one.objects.items()}.values())


def _drop_trees(cache: Cache, horizon: float) -> None:
    """Remove materialised trees of results that are gone; a link in one would keep the bytes on the disk."""
    wanted = {result.record.tree for result in results(cache)}
    for path in cache.trees.glob("*"):
        with suppress(OSError):
            if is_digest(path.name) and path.name not in wanted and path.stat().st_mtime < horizon:
                remove_tree(path)


def _drop_documents(cache: Cache) -> None:
    wanted = cache.history.keys()
    for path in cache.history.documents.glob("*.json"):
        if is_digest(path.stem) and path.stem not in wanted:
            path.unlink(missing_ok=True)
