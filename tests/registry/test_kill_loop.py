"""SAFETY 15, 42: kill -9 at random moments of installing, updating, replacing and removing, with readers beside it.

After each kill the store verifies; the next writer leaves no rubbish; a reader never sees a version that is half there.
Killed at chosen places, one by one: test_crash.
"""

import mmap
import os
import random
import signal
import time
import traceback
from contextlib import contextmanager, suppress

import pytest

from runtime.artifact.package import glimpse
from runtime.errors import Problem
from runtime.registry.audit import audit
from runtime.registry.record import read_record
from runtime.registry.refusals import NotInstalled
from runtime.registry.store import Store
from tests.artifact.samples import sealed

IDLE, BUSY = 0, 1
FIRST, SECOND, OTHER = "0.1.0", "0.2.0", "0.1.0 with other bytes"


@pytest.fixture
def packages(tmp_path, acme):
    made = {}
    for what, version, value in ((FIRST, "0.1.0", 1.0), (SECOND, "0.2.0", 2.0), (OTHER, "0.1.0", 3.0)):
        made[what] = tmp_path / f"{len(made)}.expert"
        sealed(made[what], ("nano", "qwen3-0.6b"), version=version, value=value)
    return made


def churn(store, packages, chance, shared):
    """Install, update, replace and remove without end, saying in shared memory whether a change is under way."""
    changes = [
        lambda: store.install(packages[FIRST], replace=True),
        lambda: store.install(packages[SECOND]),
        lambda: store.install(packages[OTHER], replace=True),
        lambda: store.uninstall("acme/expert-sql@0.1.0"),
        lambda: store.uninstall("acme/expert-sql@0.2.0"),
    ]
    while True:
        change = chance.choice(changes)
        shared[0] = BUSY
        with suppress(NotInstalled):
            change()
        shared[0] = IDLE


def look(store, known):
    """What a reader sees: nothing, or all of one version. True if it was there from the first to the last file."""
    try:
        found = store.find("expert-sql")
    except NotInstalled:
        return False
    assert found.id in known
    try:
        for member in found.record.members:
            found.open(member)
        assert found.manifest.version == found.version
    except Problem:
        # It may have been removed or replaced since; what still stands in the records must be whole.
        with suppress(FileNotFoundError):
            path = store.records / found.name / f"{found.version}.json"
            assert read_record(path) != found.record, "a version that is installed is not all there"
        return False
    return True


@contextmanager
def forked(work):
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        except BaseException:
            os.write(2, traceback.format_exc().encode())  # past whatever captures the output of this process
            os._exit(1)
    yield child


def loop(store, packages, kills, seed):
    """Kill a writer until so many kills hit a change under way. How many it took, how many left the store other than the
    one before had, and how often a reader saw a whole version."""
    known = {glimpse(path).id for path in packages.values()}
    chance = random.Random(seed)
    shared = mmap.mmap(-1, 16)  # 0: is the writer at it, 1: shall the reader stop, 8-15: what the reader saw

    def read():
        seen = 0
        while not shared[1]:
            seen += look(Store(), known)
            shared[8:16] = seen.to_bytes(8, "little")

    begun = time.monotonic()
    store.install(packages[FIRST])
    store.install(packages[SECOND])
    change = (time.monotonic() - begun) / 2  # how long one takes, on this machine, now
    hit, changed, number, before = 0, 0, 0, None
    with forked(read) as reader:
        try:
            while hit < kills:
                number += 1
                assert number <= 10 * kills, "the writer is hardly ever at it"
                shared[0] = IDLE
                with forked(
                    lambda number=number: churn(store, packages, random.Random(seed + number), shared)
                ) as writer:
                    time.sleep(chance.uniform(0.0, 3 * change))
                    os.kill(writer, signal.SIGKILL)
                    assert os.waitstatus_to_exitcode(os.waitpid(writer, 0)[1]) == -signal.SIGKILL
                hit += shared[0] == BUSY
                standing = Store().list()
                now = {(installed.version, installed.id) for installed in standing}
                changed, before = changed + (now != before), now
                assert {installed.id for installed in standing} <= known
                assert [fault for installed in standing for fault in audit(store, installed).faults] == []
                if chance.random() < 0.3:
                    leaves_no_rubbish(store)
        finally:
            shared[1] = 1
            ended = os.waitstatus_to_exitcode(os.waitpid(reader, 0)[1])
    assert ended == 0, "the reader saw something that was not whole"
    leaves_no_rubbish(store)
    return number, changed, int.from_bytes(shared[8:16], "little")


def leaves_no_rubbish(store):
    """The next writer, whatever it does, leaves only what is installed."""
    with suppress(NotInstalled):
        store.uninstall("acme/nothing@1.0.0")
    assert os.listdir(store.staging) == []
    assert sorted(os.listdir(store.packages)) == sorted(record.folder for record in store.all_records())


def test_fifteen_kills_leave_a_store_that_verifies(store, packages):
    _, changed, _ = loop(store, packages, 15, seed=15)
    assert changed > 0


@pytest.mark.slow
def test_two_hundred_kills_leave_a_store_that_verifies(store, packages, capsys):
    begun = time.monotonic()
    kills, changed, seen = loop(store, packages, 200, seed=200)
    with capsys.disabled():
        said = f"200 of {kills} kills in mid-change, {changed} left another content, {seen} whole readings beside them"
        print(f"\n{said}, {time.monotonic() - begun:.0f} s")
    assert changed > 10
    assert seen > 0
