"""A command run with caps: on time, on memory, on what it writes and says, with an empty environment, in a folder of its own,
behind walls where the machine has them (see `walls`).

Where it has none, what is run here is only kept from naming anything outside (see `rust_check` and `typescript_check`).
When its time is over the whole group of processes is ended.
"""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from expertbuild.evaluation.scorers import syscalls, walls

LONGEST_SAID = 20_000
MOST_SAID = 1_000_000  # bytes, after which nobody listens any more


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code (None: it ran too long), and what it said."""

    code: int | None
    out: str
    err: str


def run(
    command: Sequence[str],
    folder: Path,
    *,
    seconds: float,
    memory: int = -1,
    data: int = -1,
    written: int = 0,
    environment: dict[str, str] | None = None,
    reads: Sequence[str | Path] = (),
    alone: bool = False,
) -> Ended:
    """Run it; `memory` (of addresses), `data` (of memory that is used) and `written` are bytes. It may read these folders
    besides its own; one that is `alone` starts no process and changes no file."""
    caps = {"RLIMIT_CPU": max(1, int(seconds + 0.999)), "RLIMIT_AS": memory, "RLIMIT_DATA": data}
    settings = {
        "caps": {**caps, "RLIMIT_FSIZE": written, "RLIMIT_CORE": 0},
        "walls": syscalls.can_shut_in(),
        "reads": [str(each) for each in (*reads, folder)],
        "writes": [] if alone else [str(folder)],
        "alone": alone,
    }
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", str(walls.__file__), json.dumps(settings), *command],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"LANG": "C.UTF-8", "TMPDIR": str(folder), **(environment or {})},
        start_new_session=True,
    )
    try:
        said = _heard(process, time.monotonic() + 4 * seconds + 5)  # its limit is on computing; this one, on idling
    finally:
        _end(process)
    ended = said is not None and process.returncode not in (-signal.SIGXCPU, -signal.SIGKILL)
    return Ended(process.returncode if ended else None, *map(_text, said or (b"", b"")))


def held() -> str:
    """What holds a command in, in words."""
    if not syscalls.can_shut_in():
        return "limits alone: this system has no seccomp"
    return "limits, seccomp and Landlock" if walls.keeps_files() else "limits and seccomp"


def _heard(process: "subprocess.Popen[bytes]", stop: float) -> tuple[bytes, bytes] | None:
    """What it says until it ends; None where that takes too long, or is more than anybody wants to hear."""
    assert process.stdout is not None and process.stderr is not None
    said = {process.stdout.fileno(): b"", process.stderr.fileno(): b""}
    out, err = said
    listening = [out, err]
    while listening:
        ready = select.select(listening, [], [], max(0.0, stop - time.monotonic()))[0]
        if not ready or sum(map(len, said.values())) > MOST_SAID:
            return None
        for pipe in ready:
            piece = os.read(pipe, 65_536)
            said[pipe] += piece
            if not piece:
                listening.remove(pipe)
    try:
        process.wait(max(0.0, stop - time.monotonic()))
    except subprocess.TimeoutExpired:
        return None
    return said[out], said[err]


def _end(process: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


def _text(said: bytes) -> str:
    return said[:LONGEST_SAID].decode("utf-8", "replace")
