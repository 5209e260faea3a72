import multiprocessing
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from expertbuild.graph.locks import Lock, gate, is_free


def hold(path: Path, ready: Any) -> None:
    lock = Lock.take(path)
    ready.send(lock is not None)
    time.sleep(60)


def test_a_lock_has_one_holder_and_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "locks" / "key.lock"
    assert is_free(path)
    first = Lock.take(path)
    assert first and Lock.take(path) is None and not is_free(path)
    first.release()
    assert not path.exists()
    with Lock.take(path) or pytest.fail("was free"):
        assert not is_free(path)


def test_the_lock_of_a_process_that_was_killed_is_free_at_once(tmp_path: Path) -> None:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=hold, args=(tmp_path / "lock", theirs))
    process.start()
    assert ours.recv() and not is_free(tmp_path / "lock") and Lock.take(tmp_path / "lock") is None
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()
    assert is_free(tmp_path / "lock") and Lock.take(tmp_path / "lock")


def compete(path: Path, counter: Path, rounds: int) -> None:
    done = 0
    while done < rounds:
        lock = Lock.take(path)
        if lock:
            with lock:
                counter.write_text(str(int(counter.read_text()) + 1))
            done += 1


def test_many_processes_that_want_it_get_it_one_after_another(tmp_path: Path) -> None:
    counter = tmp_path / "counter"
    counter.write_text("0")
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=compete, args=(tmp_path / "lock", counter, 50)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert counter.read_text() == "150"


def test_builds_pass_the_gate_together(tmp_path: Path) -> None:
    with gate(tmp_path / "gate", alone=False), gate(tmp_path / "gate", alone=False):
        assert not is_free_alone(tmp_path / "gate")
    assert is_free_alone(tmp_path / "gate")


def is_free_alone(path: Path) -> bool:
    import fcntl

    with open(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True
