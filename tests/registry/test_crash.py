"""SAFETY 15, 42: killed at any moment, or doing several things at once, the store stays whole."""

import os
import random
import signal
import time

import pytest

from runtime.registry.audit import audit
from runtime.registry.store import Store
from tests.artifact.samples import sealed

# Everything that changes the disk goes through one of these.
STEPS = ("open", "mkdir", "rename", "replace", "fsync", "unlink", "rmdir", "chmod", "fchmod")


def in_child(work):
    """Run `work` in a forked process; how it ended."""
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def killed_at(step, work):
    """Do `work` in a process that is killed just before its `step`th change to the disk. True if it got that far."""

    def doomed():
        left = step
        for name in STEPS:
            real = getattr(os, name)

            def counting(*args, real=real, **more):
                nonlocal left
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                left -= 1
                return real(*args, **more)

            setattr(os, name, counting)
        work()

    ended = in_child(doomed)
    assert ended in (0, -signal.SIGKILL)
    return ended != 0


def is_sound(store):
    return all(not audit(store, installed).faults for installed in store.list())


@pytest.fixture
def versions(tmp_path, acme):
    paths = {}
    for value in (1.0, 2.0):
        paths[value] = tmp_path / f"{value}.expert"
        sealed(paths[value], value=value)
    return paths


def test_killed_before_any_change_to_the_disk_the_old_or_the_new_version_works(store, versions):
    old = store.install(versions[1.0]).id
    new = None
    step, killed = 0, True
    while killed:
        killed = killed_at(step, lambda: store.install(versions[2.0], replace=True))
        found = Store().find("expert-sql")
        assert is_sound(store)
        assert found.id == old or new is None or found.id == new
        if found.id != old:
            new = found.id
            store.install(versions[1.0], replace=True)
        step += 3  # every third is enough to meet each of them in some place
    assert step > 20
    assert len(os.listdir(store.packages)) == 1
    assert os.listdir(store.staging) == []


def test_killed_while_removing_it_is_there_or_gone(store, versions):
    step, killed = 0, True
    while killed:
        store.install(versions[1.0])
        killed = killed_at(step, lambda: store.uninstall("expert-sql"))
        assert is_sound(store)
        step += 3
    assert store.list() == []
    assert os.listdir(store.packages) == []


def test_killed_at_random_moments_the_store_verifies_each_time(store, versions):
    def churn():
        while True:
            for value in versions:
                store.install(versions[value], replace=True)
            store.uninstall("expert-sql")

    moments = random.Random(5)
    for _ in range(8):
        child = os.fork()
        if child == 0:
            try:
                churn()
            finally:
                os._exit(1)
        time.sleep(moments.uniform(0.01, 0.2))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        assert is_sound(store)
    store.install(versions[1.0], replace=True)
    store.uninstall("expert-sql")  # the next one that writes sweeps what the killed ones left
    assert os.listdir(store.staging) == os.listdir(store.packages) == []


def test_several_at_once_leave_one_winner_and_a_valid_store(store, versions):
    children = []
    for n in range(4):
        child = os.fork()
        if child == 0:
            try:
                store.install(versions[1.0 + n % 2], replace=True)
                os._exit(0)
            finally:
                os._exit(1)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * 4
    assert len(store.list()) == 1
    assert len(os.listdir(store.packages)) == 1
    assert is_sound(store)
