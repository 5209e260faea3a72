"""What the bytes of a file gave, remembered by the file's stat: a no-op build reads no source file.

An entry holds for one (size, mtime, ctime, inode). A file changed within the last moments is not
remembered, since a second change in the same clock tick would look the same. The memo carries its
own checksum; one that is damaged, from another version or unreadable counts as empty, and one that
cannot be written is simply not kept.
"""

import json
import os
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

from expertbuild.graph.canonical import read_json
from expertbuild.graph.disk import write_atomic

_SETTLED = 2.0  # seconds; the coarsest file-system clock in use (FAT)
_MOST = 20_000  # entries; beyond it only what this run used is kept


class Memo:
    def __init__(self, path: Path | None, kind: str) -> None:
        self._path = path
        self._kind = kind
        self._entries: dict[str, list[Any]] = self._load()
        self._used: set[str] = set()
        self._changed = False

    def get(self, name: str, stat: os.stat_result) -> Any | None:
        entry = self._entries.get(name)
        if entry is None or entry[0] != signature(stat):
            return None
        self._used.add(name)
        return entry[1]

    def put(self, name: str, stat: os.stat_result, value: Any) -> None:
        if time.time() - stat.st_ctime < _SETTLED:
            return
        self._entries[name] = [signature(stat), value]
        self._used.add(name)
        self._changed = True

    def save(self, staging: Path) -> None:
        """Keep it for the next run, if it changed and the disk lets us."""
        if self._path is None or not self._changed:
            return
        entries = self._entries
        if len(entries) > _MOST:
            entries = {name: entries[name] for name in self._used}
        body = json.dumps({"kind": self._kind, "entries": entries}).encode()
        try:
            write_atomic(self._path, sha256(body).hexdigest().encode() + b"\n" + body, staging)
        except OSError:
            return
        self._changed = False

    def _load(self) -> dict[str, list[Any]]:
        try:
            head, _, body = self._path.read_bytes().partition(b"\n") if self._path else (b"", b"", b"")
            if head != sha256(body).hexdigest().encode():
                return {}
            stored = read_json(body)
        except (OSError, ValueError):
            return {}
        entries = stored["entries"] if stored["kind"] == self._kind else {}
        return entries if isinstance(entries, dict) else {}


def signature(stat: os.stat_result) -> list[int]:
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]
