"""Disks that are full, closed or slow to say so: real ones, as far as this machine lets a test have them."""

import contextlib
import ctypes
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from expertbuild.graph import Cache, CacheProblem, Remote, Step, Warned, build, shrink, verify
from expertbuild.graph.disk import remove_tree, write_atomic, write_new
from runtime.errors import Problem
from tests.graph import toys
from tests.graph.toys import Heard, statuses, step, text

ROOT = Path(__file__).parents[2]
BUILD = """
import sys
from expertbuild.graph import *
from runtime.errors import Problem
from tests.graph.test_disk import graph
try:
    outcome = build(graph(), Cache(sys.argv[1]))
    outcome.check()
    print(*(part.status for part in outcome.values()))
    print(outcome["b"].path())
except Problem as error:
    print(error)
    sys.exit(error.exit_code)
"""


def graph() -> list[Step]:
    a = step("a", toys.nested)
    return [step("b", own={"x": "y" * 9000}, a=a)]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of a megabyte."""
    place = tmp_path / "disk"
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(place)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("this user may not mount a file system")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def fill(disk: Path, leave: int) -> None:
    """Write ballast until only `leave` bytes are free."""
    ballast = disk / "ballast"
    ballast.unlink(missing_ok=True)
    info = os.statvfs(disk)
    with contextlib.suppress(OSError):
        ballast.write_bytes(b"x" * (info.f_bavail * info.f_frsize - leave))


def test_on_a_disk_that_fills_up_at_any_write_one_sentence_says_so_and_nothing_half_written_counts(disk: Path) -> None:
    cache = Cache(disk / "cache")
    said: set[str] = set()
    for pages in [*range(14), *range(14, 40, 5)]:
        fill(disk, pages * 4096)
        try:
            outcome = build(graph(), cache)
            said.update(failure.what.replace(str(cache.root), "CACHE") for failure in outcome.failures)
            assert outcome.exit_code == (0 if outcome.ok else 1)
        except CacheProblem as error:
            said.add(error.what.replace(str(cache.root), "CACHE"))
            assert error.exit_code == 1
        (disk / "ballast").unlink(missing_ok=True)
        assert not verify(cache)
        assert all(
            status in ("hit", "build", "build?") for status in statuses(build(graph(), cache, dry_run=True)).values()
        )
        remove_tree(cache.root)
    assert said == {"the disk that holds CACHE is full"}


def test_what_was_finished_before_the_disk_was_full_is_there_when_there_is_room_again(disk: Path) -> None:
    cache = Cache(disk / "cache")
    build([step("a", toys.nested)], cache).check()
    fill(disk, 0)
    with pytest.raises(Problem, match=r"the disk that holds .* is full Free some space") as caught:
        build(graph(), cache).check()
    assert caught.value.exit_code == 1
    assert statuses(build([step("a", toys.nested)], cache)) == {"a": "hit"}
    (disk / "ballast").unlink()
    assert statuses(build(graph(), cache)) == {"a": "hit", "b": "built"}


def test_a_full_disk_can_be_made_room_on(disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("expertbuild.graph.upkeep._GRACE", -1.0)
    cache = Cache(disk / "cache")
    build([step("big", own={"x": "y" * 100_000})], cache).check()
    fill(disk, 0)
    assert shrink(cache, 0).results == 1
    (disk / "ballast").unlink()
    assert build(graph(), cache).ok


def test_a_result_that_does_not_fit_while_it_is_fetched_fails_its_step(disk: Path, tmp_path: Path) -> None:
    url = f"file://{tmp_path}/remote"
    big = [step("big", own={"x": "y" * 200_000})]
    build(big, Cache(tmp_path / "first"), remote=Remote(url, push=True)).check()
    cache = Cache(disk / "cache")
    fill(disk, 150_000)
    heard = Heard()
    outcome = build(big, cache, remote=url, listener=heard)
    assert outcome.failures[0].what == f"the disk that holds {cache.root} is full"
    assert [event.step for event in heard.of(Warned)] == ["big"]


def limited(cache: Path, size: int) -> "subprocess.CompletedProcess[str]":
    """The build in a process that may write no file larger than `size`."""
    return subprocess.run(
        [sys.executable, "-c", BUILD, str(cache)],
        cwd=ROOT,
        text=True,
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},  # or Python leaves half-written bytecode behind
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
    )


@pytest.mark.parametrize("size", [0, 5, 50, 1000, 5000])
def test_a_limit_on_the_size_of_files_is_said_in_one_sentence(tmp_path: Path, size: int) -> None:
    done = limited(tmp_path / "cache", size)
    assert done.returncode == 1 and done.stderr == ""
    assert "would be larger than this system allows Raise the limit (ulimit -f)." in done.stdout
    assert done.stdout.count("\n") == 1
    cache = Cache(tmp_path / "cache")
    assert not verify(cache) and build(graph(), cache).ok


# Closed


def without_privileges() -> None:
    """Give up what lets root write where the mode forbids it (bounding set: holds after exec)."""
    if os.geteuid() == 0:
        library = ctypes.CDLL(None, use_errno=True)
        for capability in (1, 2, 3):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER
            if library.prctl(24, capability, 0, 0, 0):
                raise OSError(ctypes.get_errno(), "cannot drop capabilities")


def unprivileged(cache: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", BUILD, str(cache)],
        cwd=ROOT,
        text=True,
        capture_output=True,
        check=False,
        preexec_fn=without_privileges,
    )


@contextlib.contextmanager
def closed(root: Path) -> Iterator[None]:
    """Every folder read-only."""
    folders = [root, *(path for path in root.rglob("*") if path.is_dir())]
    modes = [folder.stat().st_mode for folder in folders]
    for folder in folders:
        folder.chmod(0o555)
    try:
        yield
    finally:
        for folder, mode in zip(folders, modes, strict=True):
            folder.chmod(mode)


def test_a_cache_without_permission_to_write_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    with closed(tmp_path / "cache"):
        done = unprivileged(tmp_path / "cache")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == (
        f"no permission to write in {tmp_path / 'cache'} "
        "Change its owner or mode, or choose another folder with paths.cache=DIR.\n"
    )
    with closed(tmp_path):
        assert unprivileged(tmp_path / "other").stdout.startswith(f"no permission to write in {tmp_path / 'other'} ")


def test_from_a_cache_that_may_only_be_read_results_are_taken_all_the_same(tmp_path: Path) -> None:
    outcome = build(graph(), Cache(tmp_path))
    outcome["b"].path()
    with closed(tmp_path):
        done = unprivileged(tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["hit hit", str(outcome["b"].path())]


def test_a_read_only_file_system_is_named_as_one(disk: Path) -> None:
    build([step("a", toys.nested)], Cache(disk / "cache")).check()
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    cache = Cache(disk / "cache")
    assert statuses(build([step("a", toys.nested)], cache)) == {"a": "hit"}
    with pytest.raises(CacheProblem, match=r"is on a read-only file system.*paths\.cache=DIR"):
        build(graph(), cache)
    with pytest.raises(CacheProblem, match="read-only"):
        shrink(cache, 0)


def test_a_cache_folder_that_is_a_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("not a folder")
    with pytest.raises(CacheProblem, match=rf"cannot use the cache in {tmp_path}/cache: Not a directory"):
        build(graph(), Cache(tmp_path / "cache"))


# Writing


def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    write_atomic(tmp_path / "deep" / "file", b"one", tmp_path / "tmp")
    write_atomic(tmp_path / "deep" / "file", b"two", tmp_path / "tmp", durable=True)
    assert (tmp_path / "deep" / "file").read_bytes() == b"two"
    assert write_new(tmp_path / "new", b"first", tmp_path / "tmp")
    assert not write_new(tmp_path / "new", b"second", tmp_path / "tmp")
    assert (tmp_path / "new").read_bytes() == b"first"
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError):
        write_atomic(tmp_path / "folder", b"x", tmp_path / "tmp")
    assert not list((tmp_path / "tmp").iterdir())


def test_where_there_are_no_hard_links_results_are_copied_and_recorded_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")  # what such a file system answers

    monkeypatch.setattr(os, "link", refuse)
    assert write_new(tmp_path / "new", b"first", tmp_path / "tmp")
    assert not write_new(tmp_path / "new", b"second", tmp_path / "tmp")
    outcome = build([step("a")], Cache(tmp_path / "cache"))
    path = outcome["a"].path() / "text"
    assert path.read_text() == "seed 0" and path.stat().st_nlink == 1
    assert text(build([step("a")], Cache(tmp_path / "cache")), "a") == "seed 0"
