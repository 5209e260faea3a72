"""Writing so that a reader sees a whole file or none, whatever is killed or fills up in between.

Plain OSErrors leave here; errors.py turns them into sentences where the place is known.
"""

import os
import re
import shutil
import stat
import time
from itertools import count
from pathlib import Path

_numbers = count()


def fresh_name(prefix: str = "") -> str:
    """A name that no other process or thread takes."""
    return f"{prefix}{os.getpid()}-{time.time_ns():x}-{next(_numbers)}"


def is_fresh_name(name: str) -> bool:
    """Did `fresh_name` give it? What it did not give is not ours to remove."""
    return re.fullmatch(r"\d+-[0-9a-f]{12,}-\d+", name) is not None


def write_atomic(path: Path, data: bytes, staging: Path, *, durable: bool = False) -> None:
    """Replace `path` by `data`. `staging` is a folder on the same file system."""
    written = write_staged(data, staging, durable=durable)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.replace(written, path)
    except OSError:
        written.unlink(missing_ok=True)
        raise
    if durable:
        sync_directory(path.parent)


def write_new(path: Path, data: bytes, staging: Path) -> bool:
    """Durably create `path` with `data`; False, and nothing changed, if it is there already."""
    written = write_staged(data, staging, durable=True)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.link(written, path)
    except FileExistsError:
        return False
    except OSError:
        if path.exists():
            return False
        if not _no_hard_links(path.parent):
            raise
        os.replace(written, path)  # a file system without hard links: the smallest window we can have
    finally:
        written.unlink(missing_ok=True)
    sync_directory(path.parent)
    return True


def write_staged(data: bytes, staging: Path, *, durable: bool) -> Path:
    staging.mkdir(parents=True, exist_ok=True)
    path = staging / fresh_name()
    try:
        with open(path, "xb") as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
    except OSError:
        path.unlink(missing_ok=True)
        raise
    return path


def sync_directory(path: Path) -> None:
    """Make renames in `path` survive a power cut. Some file systems cannot; that is no error."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError:
        pass
    finally:
        os.close(descriptor)


def remove_tree(path: Path) -> None:
    """Remove a folder of ours, read-only folders in it included. Not there is fine."""
    if not path.is_dir() or path.is_symlink():
        path.unlink(missing_ok=True)
        return
    for folder, _, _ in os.walk(path):
        os.chmod(folder, stat.S_IRWXU)
    shutil.rmtree(path)


def folder_size(path: Path) -> int:
    """Bytes of the files in `path`; what vanishes while we look counts as nothing."""
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            try:
                total += os.lstat(os.path.join(folder, name)).st_size
            except OSError:
                continue
    return total


def _no_hard_links(folder: Path) -> bool:
    first, second = folder / fresh_name(".probe-"), folder / fresh_name(".probe-")
    first.touch()
    try:
        os.link(first, second)
    except OSError:
        return True
    finally:
        first.unlink(missing_ok=True)
        second.unlink(missing_ok=True)
    return False
