"""A command behind walls computes, reads what it is given, and reaches nothing else."""

import subprocess
import sys
from pathlib import Path

import pytest

from expertbuild.evaluation.scorers import capped, syscalls, walls

PYTHON = [str(Path(sys.executable).resolve()), "-I"]
READS = [sys.prefix, sys.base_prefix]
TRIES = {
    "a file of the system read": "open('/etc/passwd').read()",
    "a file of somebody else read": "open('OUTSIDE/kept').read()",
    "a file written": "open('OUTSIDE/made', 'w')",
    "a file written in its own folder": "open('made', 'w')",
    "a file emptied": "import os; os.open('kept', os.O_RDWR | os.O_TRUNC)",
    "a file removed": "import os; os.unlink('kept')",
    "a file renamed": "import os; os.rename('kept', 'lost')",
    "a file's mode": "import os; os.chmod('OUTSIDE/kept', 0o777)",
    "a file's time": "import os; os.utime('OUTSIDE/kept')",
    "a folder made": "import os; os.mkdir('OUTSIDE/made')",
    "a folder listed": "import os; os.listdir('OUTSIDE')",
    "a socket": "import socket; socket.socket()",
    "a fork": "import os; os.fork()",
    "a command": "import subprocess; subprocess.run(['/bin/true'], check=True)",
    "a signal to its parent": "import os, signal; os.kill(os.getppid(), signal.SIGCONT)",
    "a signal to everybody": "import os; os.kill(-1, 0)",
    "a limit of its parent": "import os, resource; resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, (9, 9))",
    "a privilege of root": "import os; os.chroot('/')",
    "another group of processes": "import os; os.setpgid(0, 0)",
}
walled = pytest.mark.skipif(not (syscalls.can_shut_in() and walls.keeps_files()), reason="no seccomp or Landlock here")


def run(code: str, folder: Path, alone: bool = True) -> capped.Ended:
    return capped.run([*PYTHON, "-c", code], folder, seconds=5, reads=READS, alone=alone)


@walled
@pytest.mark.parametrize("what", TRIES)
def test_nothing_outside_is_reached(what: str, tmp_path: Path) -> None:
    own, outside = tmp_path / "own", tmp_path / "outside"
    for folder in (own, outside):
        folder.mkdir()
        (folder / "kept").write_text("here")
    code = TRIES[what].replace("OUTSIDE", str(outside))
    said = run(f"try:\n    {code}\nexcept PermissionError:\n    print('shut')\n", own)
    assert (said.code, said.out) == (0, "shut\n"), said.err
    assert [(path.name, path.read_text()) for path in (*own.iterdir(), *outside.iterdir())] == [("kept", "here")] * 2


@walled
def test_it_computes_with_threads_and_reads_its_own_folder(tmp_path: Path) -> None:
    (tmp_path / "given").write_text("4")
    code = (
        "import threading\nt = threading.Thread(target=lambda: print(open('given').read() * 2))\nt.start()\nt.join()\n"
        "import signal, os\nsignal.signal(signal.SIGUSR1, lambda *_: print('heard'))\nos.kill(os.getpid(), signal.SIGUSR1)"
    )
    assert run(code, tmp_path).out == "44\nheard\n"


@walled
def test_one_that_is_not_alone_starts_others_and_writes_in_its_folder(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    command = f"import subprocess; print(subprocess.run(['/bin/mkdir', 'made', '{tmp_path}/made']).returncode)"
    assert run(command, own, alone=False).out == "1\n"
    assert [path.name for path in own.iterdir()] == ["made"] and not (tmp_path / "made").exists()


def test_what_is_said_without_end_is_not_kept(tmp_path: Path) -> None:
    ended = run("while True: print('x' * 1000)", tmp_path)
    assert ended.code is None and ended.out == ""
    assert len(run("print('x' * 100_000)", tmp_path).out) == capped.LONGEST_SAID


def test_what_idles_is_ended(tmp_path: Path) -> None:
    ended = capped.run([*PYTHON, "-c", "import time; time.sleep(60)"], tmp_path, seconds=0.1, reads=READS)
    assert ended.code is None


def test_a_machine_that_refuses_the_filter_is_known_beforehand(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = subprocess.CompletedProcess([], 1)
    syscalls.can_shut_in.cache_clear()
    monkeypatch.setattr(syscalls.subprocess, "run", lambda *_, **__: refused)
    assert not syscalls.can_shut_in() and capped.held() == "limits alone: this system has no seccomp"
    syscalls.can_shut_in.cache_clear()
