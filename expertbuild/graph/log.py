"""What a step printed and, if it failed, its traceback: a file beside its work folder, kept only then.

Secrets from the environment and logins in URLs are taken out before anything is written. A disk
that refuses the log is no reason to fail a build.
"""

from contextlib import suppress
from pathlib import Path

from expertbuild.graph.sensitive import Scrubber

_MOST = 8 << 20  # bytes; a step that prints more is stuck in a loop
_LONGEST_LINE = 1 << 16


class Log:
    def __init__(self, scrub: Scrubber) -> None:
        self._scrub = scrub
        self._path: Path | None = None
        self._rest = b""
        self._written = 0

    def open(self, path: Path) -> None:
        """A step began: what comes from now on is its own."""
        self._path = path
        self._written = 0
        with suppress(OSError):
            path.unlink(missing_ok=True)

    def add(self, data: bytes) -> None:
        lines = self._rest + data
        if self._path is None:  # before a step began; it may say why none did
            self._rest = lines[-_LONGEST_LINE:]
            return
        end = lines.rfind(b"\n") + 1
        if len(lines) - end > _LONGEST_LINE:
            end = len(lines)
        self._rest = lines[end:]
        self._write(lines[:end])

    def keep(self, path: Path, text: str) -> Path | None:
        """The step failed: add `text`. Returns where the log lies, if there is anything in it."""
        if self._path is None:
            self.open(path)
        self._write(self._rest + text.encode("utf-8", "replace"))
        self._path, self._rest = None, b""
        return path if self._written else None

    def drop(self) -> None:
        if self._path is not None:
            with suppress(OSError):
                self._path.unlink(missing_ok=True)
        self._path, self._rest = None, b""

    def _write(self, data: bytes) -> None:
        if self._path is None or not data or self._written > _MOST:
            return
        with suppress(OSError), open(self._path, "ab") as file:
            file.write(self._scrub(data.decode("utf-8", "replace")).encode("utf-8", "replace"))
            self._written += len(data)
