"""Results that a package needs: they are not shrunk away as long as the package's file is there."""

import os
import re
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path

from expertbuild.graph.cache import Cache
from expertbuild.graph.canonical import canonical, read_json
from expertbuild.graph.disk import write_atomic
from expertbuild.graph.errors import using


def keep(cache: Cache, keys: Iterable[str], label: str, file: Path | None = None) -> None:
    """Results `keys`, and all they were made from, stay as long as `file` is there (for ever without one).

    A label names one thing: keeping it again replaces what it stood for.
    """
    needed, stack = set(), list(keys)
    while stack:
        key = stack.pop()
        if key not in needed:
            needed.add(key)
            record = cache.lookup(key, look_only=True).record
            stack.extend(record.inputs.values() if record else ())
    document = {"label": label, "file": str(file.absolute()) if file else None, "keys": sorted(needed)}
    path, data = _root_path(cache, label), canonical(document)
    if _stored(path) != data:
        with using(cache.root):
            write_atomic(path, data, cache.staging, durable=True)


def release(cache: Cache, label: str) -> None:
    with using(cache.root):
        _root_path(cache, label).unlink(missing_ok=True)


def _stored(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _root_path(cache: Cache, label: str) -> Path:
    return cache.roots / f"{sha256(label.encode()).hexdigest()[:32]}.json"


def root_files(cache: Cache) -> list[Path]:
    return [path for path in cache.roots.glob("*.json") if re.fullmatch("[0-9a-f]{32}", path.stem)]


def roots(cache: Cache) -> Iterator[tuple[str, set[str], Path]]:
    """Label, keys and place of every root whose package is still there."""
    for path in root_files(cache):
        try:
            stored = read_json(path.read_bytes())
            file, label, keys = stored["file"], str(stored["label"]), set(map(str, stored["keys"]))
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if file is None or os.path.exists(file):
            yield label, keys, path
