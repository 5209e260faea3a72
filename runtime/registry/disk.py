"""What the store does to the disk: verified copies, renames that survive a power cut, one writer at a time.

Nothing here knows what a package means. Every path that is removed lies directly below a folder that the caller owns.
"""

import fcntl
import hashlib
import os
import secrets
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from runtime.artifact.container import sync_folder
from runtime.registry.record import MemberRecord

_READ_ONLY_FILE, _READ_ONLY_FOLDER = 0o444, 0o555


@contextmanager
def only_writer(lock: Path) -> Iterator[None]:
    """Wait until no other process writes. The lock goes with the process, however it ends."""
    with open(lock, "a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def write_member(path: Path, pieces: Iterable[bytes]) -> MemberRecord:
    """Write a new read-only file, to the disk, and take note of what was written."""
    from blake3 import blake3

    path.parent.mkdir(parents=True, exist_ok=True)
    sha256, fast, size = hashlib.sha256(), blake3(), 0
    with open(path, "xb") as out:
        for piece in pieces:
            sha256.update(piece)
            fast.update(piece)
            size += len(piece)
            out.write(piece)
        out.flush()
        os.fchmod(out.fileno(), _READ_ONLY_FILE)
        os.fsync(out.fileno())
        mtime = os.fstat(out.fileno()).st_mtime_ns
    return MemberRecord(size, mtime, sha256.hexdigest(), fast.hexdigest())


def publish_folder(staged: Path, target: Path) -> None:
    """Give a staged folder its place and close it to writing. The place must be free."""
    below = [Path(root) / name for root, folders, _ in os.walk(staged) for name in folders]
    for folder in [*below, staged]:
        sync_folder(folder)
    for folder in below:
        folder.chmod(_READ_ONLY_FOLDER)
    os.rename(staged, target)  # on Linux this needs the folder itself to be writable still
    target.chmod(_READ_ONLY_FOLDER)
    sync_folder(target.parent)


def publish_file(data: bytes, staging: Path, target: Path) -> None:
    """Replace a file by these bytes, whole or not at all."""
    partial = staging / secrets.token_hex(8)
    try:
        with open(partial, "xb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        for folder in reversed([target.parent, *target.parent.parents]):
            if not folder.exists():
                folder.mkdir(exist_ok=True)
                sync_folder(folder.parent)
        os.replace(partial, target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    sync_folder(target.parent)


def remove_folder(folder: Path) -> None:
    """Remove a folder of our own, read-only or not. Links are removed, never followed."""
    if folder.is_symlink() or not folder.is_dir():
        folder.unlink(missing_ok=True)
        return
    for root, _, _ in os.walk(folder):
        if not os.stat(root).st_mode & stat.S_IWUSR:
            os.chmod(root, 0o755)
    shutil.rmtree(folder)
