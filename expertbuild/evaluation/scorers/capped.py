"""A command run with caps: on time, on memory, on what it writes, with an empty environment, in a folder of its own.

It does not hold a hostile program in by itself: what is run here was first kept from naming anything outside (see
`rust_check` and `typescript_check`). When its time is over the whole group of processes is ended.
"""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_LAUNCH = """
import os, resource, sys
seconds, memory, size = map(int, sys.argv[1:4])
for what, most in ((resource.RLIMIT_CPU, seconds), (resource.RLIMIT_AS, memory), (resource.RLIMIT_FSIZE, size), (resource.RLIMIT_CORE, 0)):
    if most >= 0:
        resource.setrlimit(what, (most, most))
os.execv(sys.argv[4], sys.argv[4:])
"""
LONGEST_SAID = 20_000


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
    written: int = 0,
    environment: dict[str, str] | None = None,
) -> Ended:
    """Run it; `memory` and `written` are bytes."""
    limits = [str(max(1, int(seconds + 0.999))), str(memory), str(written)]
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _LAUNCH, *limits, *command],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"LANG": "C.UTF-8", **(environment or {})},
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=4 * seconds + 5)  # its limit is on computing; this one, on idling
        code: int | None = None if process.returncode in (-signal.SIGXCPU, -signal.SIGKILL) else process.returncode
    except subprocess.TimeoutExpired:
        code, out, err = None, b"", b""
    finally:
        _end(process)
    return Ended(code, _text(out), _text(err))


def _end(process: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


def _text(said: bytes) -> str:
    return said[:LONGEST_SAID].decode("utf-8", "replace")
