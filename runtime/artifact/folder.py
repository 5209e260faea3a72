"""The members of a package as files in a folder: what the store keeps, and what somebody unpacked.

Offers what `Container` offers, with the same suspicion: plain files only, plain names only, no links, nothing followed
out of the folder. It has no checksums of its own; the digests of the statement stand for them.
"""

import mmap
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from runtime.artifact.container import CHUNK
from runtime.artifact.layout import LARGEST, MOST_MEMBERS, check_names
from runtime.artifact.refusals import BeyondCap, MissingMember, NotAPlainFile
from runtime.errors import Mistake


class Folder:
    """A folder that is read like a container."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if path.is_symlink() or not path.is_dir():
            raise Mistake("That is not a folder.", where=str(path))
        self._sizes = dict(sorted(_walk(path)))
        check_names(list(self._sizes))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._sizes)

    def __contains__(self, name: str) -> bool:
        return name in self._sizes

    def size(self, name: str) -> int:
        return self._sizes[name]

    def view(self, name: str) -> memoryview:
        descriptor = _open(self.path / name)
        try:
            if not os.fstat(descriptor).st_size:
                return memoryview(b"")
            return memoryview(mmap.mmap(descriptor, 0, access=mmap.ACCESS_COPY))
        finally:
            os.close(descriptor)

    def chunks(self, name: str) -> Iterator[bytes]:
        with open(_open(self.path / name), "rb") as file:
            left = self._sizes[name]
            while left and (piece := file.read(min(CHUNK, left))):
                left -= len(piece)
                yield piece

    def read(self, name: str, *, cap: int = LARGEST) -> bytes:
        if self.size(name) > cap:
            raise BeyondCap(f"The member {name} has {self.size(name):,} bytes; at most {cap:,} are read.")
        return b"".join(self.chunks(name))

    def check(self, name: str) -> None:
        """A folder keeps no checksums."""

    def close(self) -> None:
        """Nothing is held open."""


def _walk(root: Path) -> Iterator[tuple[str, int]]:
    found = 0
    pending = [root]
    while pending:
        for entry in os.scandir(pending.pop()):
            found += 1
            if found > 4 * MOST_MEMBERS:
                raise BeyondCap(f"The folder has more than {4 * MOST_MEMBERS:,} entries.", where=str(root))
            if entry.is_dir(follow_symlinks=False):
                pending.append(Path(entry.path))
                continue
            name = Path(entry.path).relative_to(root).as_posix()
            status = entry.stat(follow_symlinks=False)
            if not stat.S_ISREG(status.st_mode):
                raise NotAPlainFile(f"The member {name} is not a plain file.", where=str(root))
            yield name, status.st_size


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise MissingMember(f"The member can not be read: {error.strerror}.", where=str(path)) from None
