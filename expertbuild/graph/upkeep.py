"""Looking after a cache: what it holds, what must stay, making it smaller, checking every byte.

Shrinking is safe while builds run. A build announces itself, and marks every result it relies on as
used at that moment; whatever was used, or came into being, since the oldest running build began is
left alone. What a package still needs stays too, until the package's file is gone.
"""

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from expertbuild.graph.cache import Cache, tampered
from expertbuild.graph.canonical import canonical, read_json
from expertbuild.graph.disk import folder_size, fresh_name, remove_tree, write_atomic
from expertbuild.graph.errors import using
from expertbuild.graph.locks import gate, present
from expertbuild.graph.record import Record, is_digest, read_record
from expertbuild.graph.store import State

_GRACE = 60.0  # seconds: a result that somebody has just asked for may be read at this moment
_TREE_BLOCK = 4096


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


@dataclass(frozen=True)
class Finding:
    what: str


@dataclass
class _Item:
    """Something that can go: a result, or the scratch of an unfinished step."""

    path: Path
    used: float
    size: int
    record: Record | None = None
    objects: dict[str, int] = field(default_factory=dict)


def show(cache: Cache) -> Usage:
    held: dict[str, list[_Item]] = {}
    for item in _results(cache):
        held.setdefault(str(item.record.document["action"]) if item.record else "?", []).append(item)
    sizes = dict(_objects(cache))
    return Usage(
        size=sum(info.st_size for info in sizes.values()),
        objects=len(sizes),
        work=folder_size(cache.root / "work"),
        actions=tuple(
            Held(action, len(items), sum(item.size for item in items), max(item.used for item in items))
            for action, items in sorted(held.items())
        ),
        roots=tuple(sorted(label for label, _, _ in _roots(cache))),
    )


# What must stay


def keep(cache: Cache, keys: Iterable[str], label: str, file: Path | None = None) -> None:
    """Results `keys`, and all they were made from, stay as long as `file` is there (for ever without one).

    A label names one thing: keeping it again replaces what it stood for.
    """
    needed, stack = set(), list(keys)
    while stack:
        key = stack.pop()
        if key not in needed:
            needed.add(key)
            record = cache.lookup(key, look_only=True).record
            stack.extend(record.inputs.values() if record else ())
    document = {"label": label, "file": str(file.absolute()) if file else None, "keys": sorted(needed)}
    path, data = _root_path(cache, label), canonical(document)
    if _stored(path) != data:
        with using(cache.root):
            write_atomic(path, data, cache.staging, durable=True)


def release(cache: Cache, label: str) -> None:
    with using(cache.root):
        _root_path(cache, label).unlink(missing_ok=True)


def _stored(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _root_path(cache: Cache, label: str) -> Path:
    return cache.roots / f"{sha256(label.encode()).hexdigest()[:32]}.json"


def _roots(cache: Cache) -> Iterator[tuple[str, set[str], Path]]:
    """Label, keys and place of every root whose package is still there."""
    for path in cache.roots.glob("*.json"):
        try:
            stored = read_json(path.read_bytes())
            file, label, keys = stored["file"], str(stored["label"]), set(map(str, stored["keys"]))
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if file is None or os.path.exists(file):
            yield label, keys, path


# Making it smaller


def shrink(cache: Cache, limit: int) -> Shrunk:
    """Remove what was used longest ago until the cache holds at most `limit` bytes, as far as it may."""
    with using(cache.root), gate(cache.root / "locks" / "gate", alone=True):
        horizon = min([time.time() - _GRACE, *present(cache.root / "active")])
        alive = list(_roots(cache))
        for path in set(cache.roots.glob("*.json")) - {path for _, _, path in alive}:
            path.unlink(missing_ok=True)
        return _shrink(cache, limit, horizon, {key for _, keys, _ in alive for key in keys})


def _shrink(cache: Cache, limit: int, horizon: float, needed: set[str]) -> Shrunk:
    items = [*_results(cache), *_scratch(cache)]
    users: dict[str, int] = {}
    for item in items:
        for digest in item.objects:
            users[digest] = users.get(digest, 0) + 1
    objects = dict(_objects(cache))
    before = size = sum(info.st_size for info in objects.values()) + folder_size(cache.root / "work")
    for digest, info in objects.items():  # of builds that were killed before they recorded anything
        if digest not in users and _unused(cache.store.path(digest), info.st_ctime, horizon):
            size -= info.st_size
    removed = in_use = 0
    packages = sum(item.size for item in items if item.record and item.record.key in needed)
    for item in sorted(items, key=lambda item: item.used):
        if item.record and item.record.key in needed:
            continue
        if item.used >= horizon:
            in_use += item.size
            continue
        if size <= limit or not _remove(cache, item, horizon):
            continue
        removed += item.record is not None
        size -= 0 if item.record else item.size
        for digest, length in item.objects.items():
            users[digest] -= 1
            if users[digest] == 0 and _unused(
                cache.store.path(digest), objects[digest].st_ctime if digest in objects else 0, horizon
            ):
                size -= length
    _drop_trees(cache, horizon)
    _drop_documents(cache)
    return Shrunk(before, size, removed, packages, in_use)


def _remove(cache: Cache, item: _Item, horizon: float) -> bool:
    """Remove a result or scratch, unless a build took to it at this very moment."""
    if item.record is None:
        lock = cache.lock(item.path.name)
        if lock is None:
            return False
        with lock:
            remove_tree(item.path)
            cache.log(item.path.name).unlink(missing_ok=True)
        return True
    aside = cache.staging / fresh_name()
    cache.staging.mkdir(parents=True, exist_ok=True)
    try:
        os.rename(item.path, aside)
    except FileNotFoundError:
        return False
    if aside.stat().st_mtime >= horizon:
        os.rename(aside, item.path)
        return False
    aside.unlink()
    return True


def _unused(path: Path, changed: float, horizon: float) -> bool:
    """Remove an object that no result names, unless it was stored by a build that still runs."""
    if changed >= horizon:
        return False
    with suppress(OSError):
        if path.stat().st_ctime >= horizon:
            return False
        path.unlink()
    return True


def _drop_trees(cache: Cache, horizon: float) -> None:
    """Remove materialised trees of results that are gone; a link in one would keep the bytes on the disk."""
    wanted = {item.record.tree for item in _results(cache) if item.record}
    for path in cache.trees.glob("*"):
        with suppress(OSError):
            if path.name not in wanted and path.stat().st_mtime < horizon:
                remove_tree(path)


def _drop_documents(cache: Cache) -> None:
    wanted = cache.history.keys()
    for path in cache.history.documents.glob("*.json"):
        if path.stem not in wanted:
            path.unlink(missing_ok=True)


# Checking every byte


def verify(cache: Cache) -> list[Finding]:
    """Hash everything. What is damaged is removed, so that the next build makes it again, and told."""
    with using(cache.root), cache.attended():
        bad = set()
        for digest, info in _objects(cache):
            if cache.store.state(digest, info.st_size, thorough=True) is State.DAMAGED:
                cache.store.drop(digest)
                bad.add(digest)
        found = [finding for path in sorted(cache.results.glob("*.json")) for finding in _check(cache, path, bad)]
        named = {digest for item in _results(cache) for digest in item.objects}
        found += [Finding(f"object {digest[:12]} is damaged; removed") for digest in sorted(bad - named)]
    return found


def _check(cache: Cache, path: Path, bad: set[str]) -> Iterator[Finding]:
    again = "; the next build makes it again"
    try:
        record = read_record(path.read_bytes(), path.stem)
    except ValueError as error:
        path.unlink(missing_ok=True)
        yield Finding(f"the record {path.stem[:12]} is damaged ({error}); removed{again}")
        return
    for name, entry in record.outputs.items():
        if entry.sha256 in bad:
            yield Finding(f"{record.step}: {name} is damaged; removed{again}")
        elif cache.store.state(entry.sha256, entry.size) is not State.SOUND:
            yield Finding(f"{record.step}: {name} is gone{again}")
    tree = cache.trees / record.tree
    if tree.is_dir() and (changed := tampered(tree, record.outputs)):
        remove_tree(tree)
        yield Finding(f"{record.step}: {changed} was changed in its directory {tree}; removed")


# What is there


def _results(cache: Cache) -> Iterator[_Item]:
    for path in cache.results.glob("*.json"):
        try:
            info = path.stat()
            record = read_record(path.read_bytes(), path.stem)
        except (OSError, ValueError):
            continue
        objects = {entry.sha256: entry.size for entry in record.outputs.values()}
        yield _Item(path, info.st_mtime, sum(objects.values()), record, objects)


def _scratch(cache: Cache) -> Iterator[_Item]:
    for path in (cache.root / "work").glob("*"):
        if path.is_dir() and is_digest(path.name):
            with suppress(OSError):
                newest = max(entry.stat().st_mtime for entry in [path, *path.rglob("*")])
                yield _Item(path, newest, folder_size(path))


def _objects(cache: Cache) -> Iterator[tuple[str, os.stat_result]]:
    for folder in cache.store.root.glob("??"):
        for path in folder.iterdir():
            digest = folder.name + path.name
            if is_digest(digest):
                with suppress(OSError):
                    yield digest, path.stat()
