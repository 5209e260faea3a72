"""One worker process, seen from its build.

A fresh interpreter (never a fork, which would copy threads and locks in unknown states). It knows
the build through three descriptors: a channel for tasks and messages, a pipe that takes what it
prints, and a lifeline that tells it when the build is gone. Its own side is worker.py.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from expertbuild.graph.messages import Message, Task

_MOST_CHUNKS = 64  # read at a time from a worker that prints without end, so that the others are heard
_BOOT = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[1]); "
    "from expertbuild.graph.worker import main; main(*map(int, sys.argv[2:5]), sys.argv[5])"
)


class Worker:
    def __init__(self, lifeline: int, sign: Path | None, environment: Mapping[str, str]) -> None:
        ours, theirs = socket.socketpair()
        printed, write = os.pipe()
        os.set_blocking(printed, False)
        arguments = [theirs.fileno(), lifeline, os.getpid(), sign or ""]
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _BOOT, json.dumps(sys.path), *map(str, arguments)],
                stdin=subprocess.DEVNULL,
                stdout=write,
                stderr=write,
                env=dict(environment),
                pass_fds=(theirs.fileno(), lifeline),
                process_group=0,
            )
        os.close(write)
        self.channel = Connection(ours.detach())
        self.printed = printed
        self.prints = True
        self.holder: Any = None
        """Whatever the build notes about the task that this worker has; None when it has none."""

    def give(self, task: Task, holder: object) -> None:
        self.holder = holder
        with suppress(OSError):  # it is dead: its channel says so when it is read
            self.channel.send(task)

    def hear(self) -> Message | None:
        """The next message; None when the worker is gone."""
        try:
            message: Message = self.channel.recv()
        except (EOFError, OSError):
            return None
        return message

    def read_printed(self) -> bytes:
        """What it printed since the last call."""
        chunks = []
        with suppress(BlockingIOError):
            for _ in range(_MOST_CHUNKS):
                chunks.append(os.read(self.printed, 1 << 16))
                if not chunks[-1]:
                    self.prints = False
                    break
        return b"".join(chunks)

    def wait(self, until: float) -> None:
        """Until it has ended, or time is up. It is not reaped, so its id stays its own."""
        while time.monotonic() < until and not self._has_ended():
            if self.prints:
                self.read_printed()  # a full pipe would keep it from ending
            time.sleep(0.002)

    def _has_ended(self) -> bool:
        try:
            return os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None
        except (AttributeError, ChildProcessError):
            return self.process.poll() is not None

    def end(self) -> str:
        """Make it end, if it has not, with all that it started. How it ended, in words."""
        if self.process.returncode is None:  # not yet reaped, so its id is still its own
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.channel.close()
            os.close(self.printed)
        code = self.process.returncode
        if code >= 0:
            return f"its process ended with exit code {code}"
        memory = "; often that means that memory ran out" if code == -signal.SIGKILL else ""
        return f"its process was ended by {_signal_name(-code)}{memory}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
