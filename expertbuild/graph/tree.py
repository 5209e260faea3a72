"""A directory as data: which files, which bytes, which are executable; and its digest.

Not part of a tree: times, owners, links (their target's bytes count) and empty folders.
"""

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path

from expertbuild.graph.canonical import digest
from expertbuild.graph.errors import GraphMistake
from expertbuild.graph.memo import Memo

FORMAT = "expertbuild-tree/1"
_NOT_CONTENT = {".git", "__pycache__"}  # in a source directory: not what the author wrote


@dataclass(frozen=True, slots=True)
class Entry:
    sha256: str
    size: int
    executable: bool = False


Tree = Mapping[str, Entry]


def tree_digest(tree: Tree) -> str:
    files = {path: [entry.sha256, entry.size, entry.executable] for path, entry in tree.items()}
    return digest({"format": FORMAT, "files": files})


def check_paths(paths: Mapping[str, object]) -> None:
    """Raise ValueError unless every path is relative, plain, and none lies inside another file."""
    for path in paths:
        parts = path.split("/")
        if not path.isprintable() or "\\" in path or any(part in ("", ".", "..") for part in parts):
            raise ValueError(f"{path!r} is not a plain relative path")
        for length in range(1, len(parts)):
            if "/".join(parts[:length]) in paths:
                raise ValueError(f"{path!r} lies inside a file")


def walk(root: Path) -> Iterator[tuple[str, Path, os.stat_result]]:
    """Every file under `root`, sorted: its relative path, itself, its stat (links followed)."""
    yield from _walk(root, "", frozenset())


def _walk(folder: Path, prefix: str, above: frozenset[tuple[int, int]]) -> Iterator[tuple[str, Path, os.stat_result]]:
    here = os.stat(folder)
    identity = (here.st_dev, here.st_ino)
    if identity in above:
        raise ValueError(f"{prefix.rstrip('/')} is a link back to a folder above it")
    for name in sorted(os.listdir(folder)):
        path = folder / name
        info = os.stat(path)
        if stat.S_ISREG(info.st_mode):
            yield prefix + name, path, info
        elif stat.S_ISDIR(info.st_mode):
            yield from _walk(path, f"{prefix}{name}/", above | {identity})
        else:
            raise ValueError(f"{prefix}{name} is neither a file nor a folder")


def hash_file(path: Path) -> str:
    with open(path, "rb", buffering=0) as file:
        return file_digest(file, "sha256").hexdigest()


def source_digest(path: Path, memo: Memo, where: str) -> str:
    """The content digest of a source file or directory: `file:HEX` (its name does not count) or `tree:HEX`."""
    try:
        info = os.stat(path)
        if stat.S_ISREG(info.st_mode):
            return "file:" + _remembered(path, info, memo)
        if not stat.S_ISDIR(info.st_mode):
            raise GraphMistake(f"{path} is neither a file nor a directory", where=where)
        tree = {
            name: Entry(_remembered(file, found, memo), found.st_size, bool(found.st_mode & 0o100))
            for name, file, found in walk(path)
            if not _NOT_CONTENT.intersection(name.split("/"))
        }
        return "tree:" + tree_digest(tree)
    except FileNotFoundError as error:
        raise GraphMistake(f"{error.filename or path} is not there", where=where) from None
    except (OSError, ValueError) as error:
        raise GraphMistake(f"{path} cannot be read: {error}", where=where) from None


def _remembered(path: Path, info: os.stat_result, memo: Memo) -> str:
    name = os.path.abspath(path)
    known = memo.get(name, info)
    if not isinstance(known, str):
        known = hash_file(path)
        memo.put(name, info, known)
    return known
