"""The content store: digest -> bytes, as read-only files.

Every object has the same fixed mtime. A file that was written to in place has another, so on the
hot path one `stat` tells a sound object from a suspicious one, and only the suspicious one is
hashed again. What this cannot see is silent decay of the disk: `cache verify` hashes everything,
and so does the first materialisation of a tree.
"""

import os
import shutil
import stat
from contextlib import suppress
from enum import Enum
from hashlib import file_digest
from pathlib import Path

from expertbuild.graph.disk import fresh_name, sync_directory
from expertbuild.graph.tree import Entry, hash_file

MTIME = 946_684_800  # 2000-01-01: whole seconds survive every file system and archive


class State(Enum):
    SOUND = "sound"
    MISSING = "missing"
    DAMAGED = "damaged"


class Store:
    def __init__(self, root: Path, staging: Path) -> None:
        self.root = root
        self.staging = staging
        self._unsynced: set[Path] = set()

    def path(self, digest: str) -> Path:
        return self.root / digest[:2] / digest[2:]

    def state(self, digest: str, size: int, *, thorough: bool = False, mend: bool = True) -> State:
        """Is the object here and whole? Hashes only what looks touched, or everything when `thorough`."""
        path = f"{self.root}/{digest[:2]}/{digest[2:]}"
        try:
            info = os.stat(path, follow_symlinks=False)
        except OSError:
            return State.MISSING
        if not stat.S_ISREG(info.st_mode) or info.st_size != size:
            return State.DAMAGED
        untouched = info.st_mtime_ns == MTIME * 1_000_000_000
        if untouched and not thorough:
            return State.SOUND
        try:
            sound = hash_file(Path(path)) == digest
        except OSError:
            sound = False
        if sound and mend and not untouched:  # copied here without its times
            _stamp(path)
        return State.SOUND if sound else State.DAMAGED

    def adopt(self, source: Path, *, move: bool) -> Entry:
        """Take a finished file's bytes into the store: moved where that is allowed and nobody else holds them."""
        info = os.stat(source)
        if move and info.st_nlink == 1:
            digest, size = self._seal(source)
        else:
            self.staging.mkdir(parents=True, exist_ok=True)
            copy = self.staging / fresh_name()
            try:
                shutil.copyfile(source, copy)
                digest, size = self._seal(copy)
            except OSError:
                copy.unlink(missing_ok=True)
                raise
        return Entry(digest, size, bool(info.st_mode & stat.S_IXUSR))

    def admit(self, staged: Path, digest: str) -> None:
        """Take a staged file whose digest was checked while it was written (a download)."""
        found, _ = self._seal(staged, digest)
        if found != digest:
            raise ValueError("its bytes are not what its name says")

    def _seal(self, path: Path, expected: str | None = None) -> tuple[str, int]:
        with open(path, "rb", buffering=0) as file:
            digest = file_digest(file, "sha256").hexdigest()
            if expected not in (None, digest):
                path.unlink()
                return digest, 0
            os.fchmod(file.fileno(), 0o444)
            os.utime(path, (MTIME, MTIME))
            os.fsync(file.fileno())
            size = os.fstat(file.fileno()).st_size
        target = self.path(digest)
        if self.state(digest, size) is State.SOUND:
            path.unlink()
            _stamp(target)  # a fresh ctime: in use, not to be shrunk away
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(path, target)
            self._unsynced.update((target.parent, self.root))
        return digest, size

    def flush(self) -> None:
        """Make what was taken in survive a power cut; call before a record refers to it."""
        while self._unsynced:
            sync_directory(self._unsynced.pop())

    def drop(self, digest: str) -> None:
        self.path(digest).unlink(missing_ok=True)


def _stamp(path: Path | str) -> None:
    """Give an object the mtime of all objects. In a shared cache it may be another user's; then it is hashed again."""
    with suppress(OSError):
        os.utime(path, (MTIME, MTIME))
