"""Ctrl-C, SIGTERM and `kill -9`, sent to real builds in processes of their own."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from expertbuild.graph import Cache, Step, build, verify
from tests.graph import toys
from tests.graph.toys import statuses, step, text

ROOT = Path(__file__).parents[2]
BUILD = """
import sys
from expertbuild.graph import *
from tests.graph.test_interrupt import graph
def say(event):
    print(type(event).__name__, getattr(event, "step", ""), flush=True)
try:
    build(graph(), Cache(sys.argv[1]), jobs=2, listener=say).check()
except Interrupted as error:
    print(error)
    sys.exit(error.exit_code)
"""


def graph() -> list[Step]:
    """Two branches that count, join, and count again: about a second in all."""
    a = step("a", own={"a": 1})
    b, c = step("b", toys.steadily, {"n": 30}, a=a), step("c", toys.steadily, {"n": 20}, a=a)
    d = step("d", toys.nested, b=b, c=c)
    return [step("e", toys.steadily, {"n": 20}, d=d), step("f", b=b, d=d)]


B, C = (f"{n} {[('a', 'a=1 / seed 0')]}" for n in (30, 20))
EXPECTED = f"20 {[('d', str([('b', B), ('c', C)]))]}"


def start(cache: Path, **how: Any) -> "subprocess.Popen[str]":
    words = [sys.executable, "-c", BUILD, str(cache)]
    return subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **how)


def until(process: "subprocess.Popen[str]", line: str) -> None:
    assert process.stdout
    for said in process.stdout:
        if said.startswith(line):
            return
    pytest.fail(f"it never said {line}")


def workers(cache: Path) -> list[int]:
    """Processes that serve a build in `cache`."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and str(cache / "active") in (entry / "cmdline").read_text():
                found.append(int(entry.name))
    return found


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "cache"
    assert gone(tmp_path / "cache"), "a worker outlived its build"


def gone(cache: Path) -> bool:
    return soon(lambda: not workers(cache))


def soon(true: Callable[[], bool]) -> bool:
    end = time.monotonic() + 10
    while not true() and time.monotonic() < end:
        time.sleep(0.02)
    return true()


@pytest.mark.parametrize(("number", "name"), [(signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "SIGTERM")])
def test_asked_to_end_it_stops_its_workers_keeps_what_is_finished_and_goes_on_next_time(
    cache: Path, number: signal.Signals, name: str
) -> None:
    process = start(cache)
    until(process, "Progress")
    assert workers(cache)
    process.send_signal(number)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Stopping" in output and "Traceback" not in output
    assert output.endswith(f"stopped by {name} What was finished is kept; the next run goes on from there.\n")
    assert gone(cache)
    kept = Cache(cache)
    assert statuses(build([step("a", own={"a": 1})], kept))["a"] == "hit" and list((cache / "work").glob("*/count"))
    outcome = build(graph(), kept)
    assert outcome.failures == [] and text(outcome, "e") == EXPECTED
    assert not list((cache / "work").iterdir())


def test_ctrl_c_at_a_terminal_reaches_the_whole_group_and_does_no_more(cache: Path) -> None:
    process = start(cache, start_new_session=True)
    until(process, "Progress")
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 130 and "Failed" not in output


def test_a_function_that_is_asked_to_end_can_clean_up_behind_itself(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "toyclean.py").write_text(
        "import time\nfrom pathlib import Path\n"
        "def f(run):\n    try:\n        run.report(message='on')\n        time.sleep(60)\n"
        "    except Exception:\n        pass\n    finally:\n        (run.work / 'cleaned').touch()\n"
    )
    script = (
        "import sys; sys.path.insert(0, sys.argv[2])\nfrom expertbuild.graph import *; from tests.graph.toys import *\n"
        "build([step('x', 'toyclean:f')], Cache(sys.argv[1]), listener=lambda e: print(type(e).__name__, flush=True))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(cache), str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )  # fmt: skip
    until(process, "Progress")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    assert list((cache / "work").glob("*/cleaned"))


def test_a_worker_whose_build_is_killed_ends_with_all_that_it_started(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "toychild.py").write_text(
        "import subprocess, time\ndef f(run):\n"
        f"    subprocess.Popen(['sleep', '61'], env={{'MARK': {str(cache)!r}}})\n"
        "    run.report(message='on')\n    time.sleep(60)\n"
    )
    script = (
        "import sys; sys.path.insert(0, sys.argv[2])\nfrom expertbuild.graph import *; from tests.graph.toys import *\n"
        "build([step('x', 'toychild:f')], Cache(sys.argv[1]), listener=lambda e: print(type(e).__name__, flush=True))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(cache), str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    until(process, "Progress")
    assert soon(lambda: bool(marked(cache)))
    process.kill()
    process.communicate()
    assert soon(lambda: not marked(cache))


def marked(cache: Path) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and (entry / "environ").read_bytes() == f"MARK={cache}\0".encode():
                found.append(entry.name)
    return found


def kill_at_random(cache: Path, kills: int, rng: random.Random) -> int:
    """Start the build again and again, and kill it or one of its workers at any moment. Returns how often it was killed."""
    killed = 0
    while killed < kills:
        process = start(cache)
        assert process.stdout
        for _ in range(rng.randint(0, 30)):  # events: some moments lie close behind one another
            process.stdout.readline()
        time.sleep(rng.choice([0.0, rng.uniform(0, 0.01), rng.uniform(0, 0.3)]))
        victims = workers(cache) if rng.random() < 0.3 else []
        with contextlib.suppress(ProcessLookupError):
            os.kill(rng.choice(victims) if victims else process.pid, signal.SIGKILL)
        process.kill()
        process.communicate()
        killed += 1
        assert_sound(cache)
        if set(statuses(build(graph(), Cache(cache), dry_run=True)).values()) == {"hit"}:
            forget(cache, rng)
    return killed


def assert_sound(cache: Path) -> None:
    """What is recorded is whole, whatever was going on when the lights went out."""
    here = Cache(cache)
    for path in here.results.glob("*.json"):
        found = here.lookup(path.stem, look_only=True)
        assert found.record and not found.damage, found.damage


def forget(cache: Path, rng: random.Random) -> None:
    """It is finished: lose a few results, so that there is something to kill."""
    for path in sorted(Cache(cache).results.glob("*.json")):
        if rng.random() < 0.7:
            path.unlink()


def check_after(cache: Path) -> None:
    assert gone(cache)
    here = Cache(cache)
    outcome = build(graph(), here)
    assert outcome.ok, outcome.failures
    assert text(outcome, "e") == EXPECTED
    assert verify(here) == []
    build(graph(), here)
    left = [folder for folder in ("tmp", "out", "work", "active") for _ in (cache / folder).iterdir()]
    assert not left and set(statuses(build(graph(), here)).values()) == {"hit"}


def test_the_sign_of_a_build_that_died_goes_with_the_next_build(cache: Path) -> None:
    """Also when it left nothing else behind."""
    build(graph(), Cache(cache))
    (cache / "active" / f"{os.getpid()}-{time.time_ns():x}-0").touch()
    build(graph(), Cache(cache))
    assert not list((cache / "active").iterdir())


def test_killed_twenty_times_at_any_moment_nothing_finished_is_lost(cache: Path) -> None:
    assert kill_at_random(cache, 20, random.Random(20)) == 20
    check_after(cache)


@pytest.mark.slow
def test_killed_two_hundred_times_at_any_moment_nothing_finished_is_lost(cache: Path) -> None:
    assert kill_at_random(cache, 200, random.Random()) == 200
    check_after(cache)
