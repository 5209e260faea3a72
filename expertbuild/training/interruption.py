"""Ctrl-C and SIGTERM between two steps instead of inside one."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interruption:
    """Whether somebody asked us to stop."""

    def __init__(self) -> None:
        self.signal = 0

    def note(self, number: int, frame: FrameType | None) -> None:
        if self.signal:  # asked twice: at once
            self.stop()
        self.signal = number

    def stop(self) -> None:
        """End as the signal would have ended us."""
        if self.signal == signal.SIGTERM:
            raise SystemExit(128 + signal.SIGTERM)
        raise KeyboardInterrupt


@contextmanager
def interruption() -> Iterator[Interruption]:
    """While this is open, the first signal is only noted. Elsewhere than in the main thread nothing changes."""
    noted = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield noted
        return
    before = {number: signal.signal(number, noted.note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield noted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
