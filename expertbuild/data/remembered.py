"""What was found out about rows, by content: so that a recipe that changed a little costs a little.

A folder of small files, each named by the SHA-256 of what was asked and holding the answer with its own checksum. Losing
any of it loses time and nothing else: what cannot be read is worked out again. It never decides what comes out.
"""

import json
import os
import zlib
from collections.abc import Iterable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from typing import Any

MOST = 1 << 30  # bytes that are kept; what was used longest ago goes first


class Memory:
    def __init__(self, root: Path) -> None:
        self.root = root

    def recall(self, key: str) -> Any:
        """What was remembered; None where there is nothing, or nothing that is whole."""
        path = self._path(key)
        with suppress(OSError, ValueError, zlib.error):
            data = path.read_bytes()
            if sha256(data[32:]).digest() == data[:32]:
                answer = json.loads(zlib.decompress(data[32:]))
                with suppress(OSError):
                    os.utime(path)
                return answer
        return None

    def keep(self, key: str, answer: Any) -> None:
        """Remember; a disk that is full or not writable is no reason to stop."""
        path = self._path(key)
        data = zlib.compress(json.dumps(answer, separators=(",", ":")).encode(), 1)
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(f".{token_hex(8)}")
            partial.write_bytes(sha256(data).digest() + data)
            partial.replace(path)

    def forget(self, most: int = MOST) -> int:
        """Remove what was used longest ago until at most this many bytes are left; the bytes that are left."""
        held = self._held()
        total = sum(size for _, size, _ in held)
        for _, size, path in sorted(held):
            if total <= most:
                break
            with suppress(OSError):
                path.unlink()
                total -= size
        return total

    def size(self) -> int:
        """Bytes that are kept."""
        return sum(size for _, size, _ in self._held())

    def _held(self) -> list[tuple[float, int, Path]]:
        held = []
        for path in self.root.glob("??/*"):
            with suppress(OSError):
                found = path.stat()
                held.append((found.st_mtime, found.st_size, path))
        return held

    def _path(self, key: str) -> Path:
        return self.root / key[:2] / key[2:]


def key_of(parts: Iterable[str]) -> str:
    """One name for several texts, none of which can run into the next."""
    digest = sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()
