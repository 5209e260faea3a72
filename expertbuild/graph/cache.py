"""The build cache on disk: content objects, recorded results, and the folders that steps run in.

    objects/ab/..   bytes by digest, read-only        store.py
    results/KEY.json  what a key led to               record.py
    trees/DIGEST/   an output tree as a directory, hard links to objects
    work/KEY/       a step's scratch; survives a kill until the result is recorded; KEY.log beside it
    out/KEY/        where a step writes its output
    history/        what each step was last           history.py
    roots/          results that a package needs      roots.py
    memo/ locks/ active/ tmp/

A result is recorded by one atomic link, after everything it names is on the disk. The first result
for a key wins; it gives way to other bytes only when its own are lost, and then the caller is told.
"""

import os
import shutil
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from expertbuild.graph.disk import fresh_name, is_fresh_name, remove_tree, write_atomic, write_new, write_staged
from expertbuild.graph.errors import using
from expertbuild.graph.history import History
from expertbuild.graph.locks import Lock, Presence, gate, is_free, present
from expertbuild.graph.record import Record, is_digest, read_record
from expertbuild.graph.store import MTIME, State, Store
from expertbuild.graph.tree import Entry, Tree, tree_digest
from runtime.home import cache_home

if TYPE_CHECKING:
    from collections.abc import Iterator

_TAG = b"Signature: 8a477f597d28d172789f06886806bc55\n# A cache of expertbuild; safe to delete. https://bford.info/cachedir/\n"


class Damaged(Exception):
    """An object's bytes are not what its name says; it has been removed."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


@dataclass(frozen=True, slots=True)
class Lookup:
    record: Record | None
    damage: str = ""
    """What is wrong with the record that is there, in words that follow a colon."""


class Cache:
    def __init__(self, root: Path | str | None = None) -> None:
        self.root = Path(root).expanduser().absolute() if root is not None else cache_home()
        self.staging = self.root / "tmp"
        self.store = Store(self.root / "objects", self.staging)
        self.history = History(self.root / "history", self.staging)
        self.results = self.root / "results"
        self.trees = self.root / "trees"
        self.roots = self.root / "roots"

    # Where a step runs

    def work(self, key: str) -> Path:
        return self.root / "work" / key

    def log(self, key: str) -> Path:
        return self.root / "work" / f"{key}.log"

    def out(self, key: str) -> Path:
        return self.root / "out" / key

    # Results

    def lookup(self, key: str, *, look_only: bool = False) -> Lookup:
        """The recorded result for `key` if all its bytes are here; marks it as used now."""
        path = self._result(key)
        try:
            record = read_record(path.read_bytes(), key)
        except FileNotFoundError:
            return Lookup(None)
        except (OSError, ValueError) as error:
            return Lookup(None, f"its record in the cache is damaged ({error})")
        for name, entry in record.outputs.items():
            state = self.store.state(entry.sha256, entry.size, mend=not look_only)
            if state is State.MISSING:
                return Lookup(None, f"{name} of its result is gone from the cache")
            if state is State.DAMAGED:
                return Lookup(None, f"{name} of its result is damaged in the cache")
        if not look_only:
            try:
                os.utime(path)
            except FileNotFoundError:  # shrunk away while we looked
                return Lookup(None)
            except OSError:
                pass
        return Lookup(record)

    def put(self, record: Record) -> tuple[Record, str]:
        """Record a result whose objects are stored. Returns what stands now and, if that needs saying, why."""
        with using(self.root):
            self.store.flush()
            path, data = self._result(record.key), record.to_bytes()
            if write_new(path, data, self.staging):
                return record, ""
            standing = self.lookup(record.key).record
            if standing is not None:
                same = standing.tree == record.tree
                return standing, "" if same else "gave other bytes than the recorded result; the recorded one stands"
            before = _tree_of(path)
            write_atomic(path, data, self.staging, durable=True)
        changed = before not in ("", record.tree)
        return (
            record,
            "its lost result could not be made again byte for byte; the new one is recorded" if changed else "",
        )

    # Trees

    def tree(self, outputs: Tree) -> Path:
        """`outputs` as a read-only directory. Raises Damaged when an object's bytes are wrong."""
        path = self.trees / tree_digest(outputs)
        with using(self.root):
            if self._is_whole(path, outputs):
                with suppress(OSError):
                    os.utime(path)
                return path
            staged = self.staging / fresh_name()
            try:
                self._lay_out(staged, outputs)
                path.parent.mkdir(parents=True, exist_ok=True)
                # One at a time: what another worker has just laid out is being read, and must not be taken away.
                with gate(self.root / "locks" / "trees", alone=True):
                    if not self._is_whole(path, outputs):
                        if path.exists():  # damaged
                            self._discard(path)
                        os.rename(staged, path)
            except OSError:
                if not self._is_whole(path, outputs):
                    raise
            finally:
                remove_tree(staged)
            with suppress(OSError):
                os.chmod(path, 0o555)
        return path

    def _lay_out(self, folder: Path, outputs: Tree) -> None:
        folder.mkdir(parents=True)
        for name, entry in outputs.items():
            if self.store.state(entry.sha256, entry.size, thorough=True) is not State.SOUND:
                self.store.drop(entry.sha256)
                raise Damaged(name)
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            self._link(self.store.path(entry.sha256), target, entry)
        for inner, _, _ in os.walk(folder):
            if inner != str(folder):
                os.chmod(inner, 0o555)

    def _link(self, source: Path, target: Path, entry: Entry) -> None:
        if not entry.executable:  # a link shares its mode with the object
            with suppress(OSError):
                os.link(source, target)
                return
        shutil.copyfile(source, target)
        os.chmod(target, 0o555 if entry.executable else 0o444)
        os.utime(target, (MTIME, MTIME))

    def _is_whole(self, path: Path, outputs: Tree) -> bool:
        return path.is_dir() and not tampered(path, outputs)

    def _discard(self, path: Path) -> None:
        aside = self.staging / fresh_name()
        with suppress(OSError):
            os.chmod(path, 0o755)  # renaming a folder needs write permission in it
            os.rename(path, aside)
        remove_tree(aside)

    # Who is here

    @contextmanager
    def attended(self) -> "Iterator[Path | None]":
        """A build is going on: nothing it uses is shrunk away. Yields its sign, or None in a cache we cannot write."""
        try:
            self.staging.mkdir(parents=True, exist_ok=True)
            tag = self.root / "CACHEDIR.TAG"
            if not tag.exists():
                tag.write_bytes(_TAG)
            with gate(self.root / "locks" / "gate", alone=False):
                presence = Presence.announce(self.root / "active")
        except OSError:  # what needs to write will say so; a build with nothing to do does not
            yield None
            return
        try:
            self._sweep()
            yield presence.path
        finally:
            presence.leave()

    def _sweep(self) -> None:
        """Remove what a killed build left half-written, if no other build is going on, and the signs of the dead."""
        if not self._leftovers() and len(_names(self.root / "active")) <= 1:
            return
        with suppress(OSError), gate(self.root / "locks" / "gate", alone=True):
            if len(present(self.root / "active")) <= 1:
                for leftover in self._leftovers():
                    remove_tree(leftover)

    def _leftovers(self) -> list[Path]:
        """By their names: somebody may have made a folder of their own the cache."""
        out = self.root / "out"
        return [
            *(self.staging / name for name in _names(self.staging) if is_fresh_name(name)),
            *(out / name for name in _names(out) if is_digest(name)),
        ]

    def ensure_writable(self) -> None:
        """Say now, in one sentence, what every step would say later."""
        with using(self.root):
            write_staged(b"expertbuild", self.staging, durable=False).unlink()

    def lock(self, key: str) -> Lock | None:
        with using(self.root):
            return Lock.take(self._lock(key))

    def is_free(self, key: str) -> bool:
        return is_free(self._lock(key))

    def _lock(self, key: str) -> Path:
        return self.root / "locks" / f"{key}.lock"

    def _result(self, key: str) -> Path:
        return self.results / f"{key}.json"


def tampered(path: Path, outputs: Tree) -> str:
    """The first file of a materialised tree that is missing, changed or too many; empty when it is whole."""
    for name, entry in outputs.items():
        try:
            info = os.stat(f"{path}/{name}", follow_symlinks=False)
        except OSError:
            return name
        if info.st_size != entry.size or info.st_mtime_ns != MTIME * 1_000_000_000:
            return name
    for folder, _, names in os.walk(path):
        for name in names:
            inside = os.path.relpath(os.path.join(folder, name), path)
            if inside not in outputs:
                return inside
    return ""


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _tree_of(path: Path) -> str:
    """The tree digest of a recorded result that may be damaged."""
    try:
        return read_record(path.read_bytes(), path.stem).tree
    except (OSError, ValueError):
        return ""
