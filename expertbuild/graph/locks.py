"""Who builds what, who is here, and when the cache may be shrunk: three uses of `flock`.

The kernel releases a lock when its holder ends, `kill -9` included, so none is ever stale. Works
where flock works: local disks and, on Linux, NFS.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from expertbuild.graph.disk import fresh_name, is_fresh_name


class Lock:
    """An exclusive lock on a path that exists only while it is held."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor

    @classmethod
    def take(cls, path: Path) -> "Lock | None":
        """The lock, or None when somebody else has it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            if not _try(descriptor, fcntl.LOCK_EX):
                os.close(descriptor)
                return None
            if _is_still(path, descriptor):
                return cls(path, descriptor)
            os.close(descriptor)  # its last holder unlinked it while we waited: take the new one

    def release(self) -> None:
        self._path.unlink(missing_ok=True)
        os.close(self._descriptor)

    def __enter__(self) -> "Lock":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def is_free(path: Path) -> bool:
    """May the lock be had? Only a hint: it can change at once."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return True
    try:
        return _try(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


class Presence:
    """A sign that a build is going on. Its workers hold it too, so it outlives a killed parent as they do."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor

    @classmethod
    def announce(cls, folder: Path) -> "Presence":
        folder.mkdir(parents=True, exist_ok=True)
        return cls.join(folder / fresh_name())

    @classmethod
    def join(cls, path: Path) -> "Presence":
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        return cls(path, descriptor)

    def leave(self) -> None:
        if self._descriptor >= 0:
            self.path.unlink(missing_ok=True)
            os.close(self._descriptor)
            self._descriptor = -1


def present(folder: Path) -> list[float]:
    """When each build that is going on began; signs of the dead are removed."""
    began = []
    try:
        signs = [sign for sign in folder.iterdir() if is_fresh_name(sign.name)]
    except OSError:
        return []
    for sign in signs:
        try:
            descriptor = os.open(sign, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            if _try(descriptor, fcntl.LOCK_EX):
                sign.unlink(missing_ok=True)
            else:
                began.append(os.fstat(descriptor).st_mtime)
        finally:
            os.close(descriptor)
    return began


@contextmanager
def gate(path: Path, *, alone: bool) -> Iterator[None]:
    """Pass through together with other builds, or hold it alone to shrink. Waits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


def _try(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        there, held = os.stat(path), os.fstat(descriptor)
    except FileNotFoundError:
        return False
    return (there.st_dev, there.st_ino) == (held.st_dev, held.st_ino)
