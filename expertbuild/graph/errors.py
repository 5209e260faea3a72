"""What can go wrong in the graph, each as one plain sentence.

A full disk, a read-only folder or a missing permission is named once, here, so that every writer
says it in the same words. Nothing here prints or logs.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runtime.errors import Mistake, Problem


class GraphMistake(Mistake):
    """The graph was asked for something that cannot be: the user's or the action author's to mend."""


class CacheProblem(Problem):
    """The cache directory cannot be read or written."""


class StepFailed(Problem):
    """A step that did not finish; carries the exit code of the error that stopped it."""

    def __init__(self, what: str, *, where: str = "", hint: str = "", exit_code: int = 1, kind: str = "") -> None:
        super().__init__(what, where=where, hint=hint)
        self.exit_code = exit_code
        self.kind = kind


class Interrupted(Problem):
    """Stopped by Ctrl-C or a request to end. What was finished is kept; the next run goes on from there."""

    exit_code = 130


_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_CLOSED = {errno.EROFS, errno.EACCES, errno.EPERM}


def disk_sentence(error: OSError, where: Path) -> tuple[str, str] | None:
    """(what, hint) for the ways in which a disk refuses; None for any other error."""
    if error.errno == errno.EFBIG:
        return f"a file in {where} would be larger than this system allows", "Raise the limit (ulimit -f)."
    if error.errno in _FULL:
        return (
            f"the disk that holds {where} is full",
            "Free some space, or make room with `expertbuild cache shrink`; what was finished is kept.",
        )
    if error.errno == errno.EROFS:
        return f"{where} is on a read-only file system", "Choose another folder with paths.cache=DIR."
    if error.errno in _CLOSED:
        return (
            f"no permission to write in {where}",
            "Change its owner or mode, or choose another folder with paths.cache=DIR.",
        )
    return None


def cache_problem(error: OSError, where: Path) -> CacheProblem:
    known = disk_sentence(error, where)
    if known:
        return CacheProblem(known[0], hint=known[1])
    return CacheProblem(f"cannot use the cache in {where}: {error.strerror or error}")


@contextmanager
def using(where: Path) -> Iterator[None]:
    """Any refusal of the disk inside the block becomes one sentence about `where`."""
    try:
        yield
    except OSError as error:
        raise cache_problem(error, where) from error
