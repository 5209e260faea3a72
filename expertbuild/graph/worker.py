"""A worker process: takes tasks from its build one after another, and ends when the build does.

Reused between steps so that heavy imports are paid once. It ignores Ctrl-C, which is the build's to
handle; asked to end, it lets the function's `finally` blocks run. When the build dies, by `kill -9`
too, it ends itself and all that it started.
"""

import faulthandler
import os
import select
import signal
import sys
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NoReturn

from expertbuild.graph.locks import Presence
from expertbuild.graph.perform import perform

_LOOK_EVERY = 1.0  # seconds; only for the case that somebody else keeps the lifeline open


class _Stop(BaseException):
    """Asked to end. Not an Exception, so that no function mistakes it for an error of its own."""


def main(channel: int, lifeline: int, parent: int, sign: str) -> None:
    """Serve the build behind `channel` until it hangs up."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _stop)
    threading.Thread(target=_end_with_parent, args=(lifeline, parent), daemon=True).start()
    faulthandler.enable()  # a crash in native code then says where, in the step's log
    watch = _ImportWatch()
    sys.meta_path.insert(0, watch)
    del sys.argv[1:]  # nobody's but ours
    home = os.getcwd()
    presence = Presence.join(Path(sign)) if sign else None
    connection = Connection(channel)
    try:
        while True:
            perform(connection.recv(), connection.send, watch.loaded)
            os.chdir(home)  # wherever the function went
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass
    except _Stop:
        sys.exit(128 + signal.SIGTERM)
    finally:
        del presence  # held until here


class _ImportWatch:
    """Asked first about every import; finds nothing, and notes when the import began."""

    def __init__(self) -> None:
        now = time.time_ns()
        self.loaded = dict.fromkeys(sys.modules, now)

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        self.loaded[name] = time.time_ns()


def _stop(number: int, frame: object) -> NoReturn:
    raise _Stop


def _end_with_parent(lifeline: int, parent: int) -> None:
    """The build keeps the other end of `lifeline` open as long as it lives."""
    while os.getppid() == parent:
        readable, _, _ = select.select([lifeline], [], [], _LOOK_EVERY)
        if readable:
            break
    os.killpg(os.getpgrp(), signal.SIGKILL)  # a group of our own: this process and what it started
