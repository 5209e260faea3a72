"""One step, from lock to recorded result, inside a worker process.

The order is what makes it safe to be killed anywhere: lock, run, store the bytes, check that what
ran is what the key says, record. Scratch goes last. Nothing is said to the build that is not on disk.
"""

import errno
import os
import platform
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from expertbuild.graph.action import Context
from expertbuild.graph.cache import Cache, Damaged, tampered
from expertbuild.graph.code import MACHINERY, Seen
from expertbuild.graph.disk import remove_tree
from expertbuild.graph.errors import StepFailed, disk_sentence, using
from expertbuild.graph.facts import file_memo
from expertbuild.graph.memo import Memo, signature
from expertbuild.graph.messages import Begun, Broke, Busy, Ended, Message, Said, Spoilt, Task
from expertbuild.graph.record import Record
from expertbuild.graph.source import read_source
from expertbuild.graph.tree import Entry, check_paths, source_digest, walk
from runtime.errors import Problem

_REPORT_EVERY = 0.1  # seconds
_NEARLY_FULL = 1 << 20  # bytes left on a disk that a library's own error may not name as full


def perform(task: Task, send: Callable[[Message], None], loaded: Mapping[str, int]) -> None:
    """Build one step and say how it went. `loaded`: when this process began to import each module, in ns."""
    cache = Cache(task.root)
    try:
        lock = cache.lock(task.key)
        if lock is None:
            send(Busy())
            return
        with lock:
            standing = cache.lookup(task.key).record
            if standing is not None:
                send(Ended(standing, built=False))
                return
            send(_build(task, cache, send, loaded))
    except Exception as error:
        send(_broke(error, task, cache))


def _build(task: Task, cache: Cache, send: Callable[[Message], None], loaded: Mapping[str, int]) -> Message:
    inputs = {}
    for role, tree in task.inputs.items():
        try:
            inputs[role] = cache.tree(tree)
        except Damaged as damaged:
            return Spoilt(role, damaged.path)
    out, work = cache.out(task.key), cache.work(task.key)
    with using(cache.root):
        remove_tree(out)
        out.mkdir(parents=True)
        work.mkdir(parents=True, exist_ok=True)
    send(Begun(resumed=any(work.iterdir())))
    reporter = _Reporter(send)
    config, files = dict(task.config), dict(task.files)
    began, since = time.monotonic(), time.time_ns()
    _function(task)(Context(config, inputs, files, task.document["seed"], out, work, reporter, task.lineage))
    seconds = time.monotonic() - began
    reporter.flush()
    outputs = _gather(task, out, cache)
    _check_inputs(task, inputs)
    _check_files(task, file_memo(cache))
    _check_code(task, loaded)
    finished = datetime.now(UTC).isoformat(timespec="seconds")
    made_with = {"python": platform.python_version(), **task.document["libraries"]}
    record = Record(
        task.key, task.document, outputs, task.step, round(seconds, 3), finished, task.input_keys, made_with
    )
    standing, note = cache.put(record)
    remove_tree(work)
    remove_tree(out)
    return Ended(standing, built=True, notes=tuple(filter(None, (note, _unnamed(task, loaded, since)))))


def _function(task: Task) -> Callable[[Context], None]:
    module, _, name = task.document["function"].partition(":")
    function = getattr(import_module(module), name, None)
    if not callable(function):
        raise StepFailed(f"{module} has no function {name}")
    return function  # type: ignore[no-any-return]


def _gather(task: Task, out: Path, cache: Cache) -> dict[str, Entry]:
    """Take what the function wrote into the store."""
    try:
        found = list(walk(out))
        check_paths({name: None for name, _, _ in found})
    except FileNotFoundError as error:
        raise StepFailed(f"its output holds {error.filename}, a link to nothing") from None
    except ValueError as error:
        raise StepFailed(f"its output cannot be kept: {error}") from None
    inside = os.path.realpath(out) + os.sep
    with using(cache.root):
        return {name: cache.store.adopt(path, move=os.path.realpath(path) == inside + name) for name, path, _ in found}


def _check_inputs(task: Task, inputs: Mapping[str, Path]) -> None:
    for role, path in inputs.items():
        if changed := tampered(path, task.inputs[role]):
            raise StepFailed(f"{changed} of its input {role} was changed while it ran; inputs are read-only")


def _check_files(task: Task, memo: Memo) -> None:
    for role, path in task.files.items():
        if source_digest(path, memo, f"file {role}") != task.document["files"][role]:
            raise StepFailed(f"its file {role} ({path}) was changed while it ran", hint="Run the build again.")


def _check_code(task: Task, loaded: Mapping[str, int]) -> None:
    """Did the code run that the key names? A file edited *after* this process had loaded it does no harm."""
    for name, seen in task.code.items():
        if name not in loaded:
            continue
        try:
            info = os.stat(seen.path)
            if signature(info) == seen.signature or info.st_ctime_ns > loaded[name]:
                continue
            same = _digest_now(name, seen) == seen.digest
        except OSError:  # gone: it was loaded before that
            continue
        if not same:
            raise StepFailed(f"{seen.path} was changed before it was loaded", hint="Run the build again.")


def _unnamed(task: Task, loaded: Mapping[str, int], since: int) -> str:
    """Project modules that were loaded while it ran and that its key does not name: found by a computed name."""
    project = {name.partition(".")[0] for name in task.code}
    unnamed = sorted(
        name
        for name, when in list(loaded.items())
        if when >= since
        and name.partition(".")[0] in project
        and name not in task.code
        and not f"{name}.".startswith(f"{MACHINERY}.")
        and getattr(sys.modules.get(name), "__file__", None)
    )
    if not unnamed:
        return ""
    return f"it ran {', '.join(unnamed)}, which its key does not name: a change there is not seen (declare plugins)"


def _digest_now(name: str, seen: Seen) -> str:
    return read_source(Path(seen.path).read_bytes(), name, seen.path.endswith("__init__.py")).digest


def _broke(error: Exception, task: Task, cache: Cache) -> Broke:
    if isinstance(error, Problem):
        kind = error.kind if isinstance(error, StepFailed) else type(error).__name__
        what = f"{error.where}: {error.what}" if error.where else error.what
        return Broke(what, error.hint, error.exit_code, kind)
    trace = "".join(traceback.format_exception(error))
    first = (str(error).strip().splitlines() or [""])[0]
    what = f"stopped on {type(error).__name__}{': ' if first else ''}{first}"
    full = disk_sentence(error, cache.root) if isinstance(error, OSError) and _is_full(error) else None
    if full:
        return Broke(full[0], full[1], kind=type(error).__name__, trace=trace)
    hint = ""
    if _free(cache.root) < _NEARLY_FULL:
        hint = f"The disk that holds {cache.root} is full."
    return Broke(what, hint, kind=type(error).__name__, trace=trace)


def _is_full(error: OSError) -> bool:
    return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)


def _free(path: Path) -> int:
    try:
        info = os.statvfs(path)
    except OSError:
        return _NEARLY_FULL
    return info.f_bavail * info.f_frsize


class _Reporter:
    """Merges reports and passes on a few a second, the last one always."""

    def __init__(self, send: Callable[[Message], None]) -> None:
        self._send = send
        self._held: dict[str, Any] = {}
        self._last = 0.0

    def __call__(self, fields: Mapping[str, Any]) -> None:
        self._held.update(fields)
        if time.monotonic() - self._last >= _REPORT_EVERY:
            self.flush()

    def flush(self) -> None:
        if self._held:
            self._last = time.monotonic()
            self._send(Said({name: _simple(value) for name, value in self._held.items()}))
            self._held = {}


def _simple(value: Any) -> Any:
    """A number from a tensor or an array; text from anything else."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    try:
        return float(value)
    except (TypeError, ValueError):
        return str(value)
