"""Configurations that were composed and found good, kept by the content of everything they came from.

The key holds the words typed, every YAML file that Hydra could have read, the schemas, this package's code and
the versions of Hydra and OmegaConf. A configuration that asks the outside (`${oc.env:...}`, `${now:...}`,
a search path of its own) or a flag of Hydra's is never remembered. Losing the memory costs half a second, so
trouble with the folder is not worth a word.
"""

import hashlib
import importlib.util
import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from expertbuild.compose.command import Command
from expertbuild.compose.places import conf_folders, expert_folders, schema_folder
from runtime.home import cache_home, config_home, data_home

KEPT = 200
_PURE = {"times", "home"}  # functions of `resolvers`, whose answers the key covers
_CALL = re.compile(rb"\$\{\s*([\w.]+)\s*:")


def key(command: Command) -> str | None:
    """What the answer to this command depends on, as a digest; None where it depends on more than can be seen."""
    if command.config_dir is not None or any("hydra" in word for word in command.overrides):
        return None
    digest = hashlib.sha256()
    typed = json.dumps([command.overrides, command.multirun, command.config_name, _machine()])
    if _asks_outside(typed.encode()):
        return None
    digest.update(typed.encode())
    try:
        for label, content in _files():
            if _is_configuration(label) and _asks_outside(content):
                return None
            digest.update(f"\0{label}\0{len(content)}\0".encode())
            digest.update(content)
    except OSError:
        return None
    return digest.hexdigest()


def find(key: str | None) -> list[dict[str, Any]] | None:
    """The jobs kept under a key."""
    if key is None:
        return None
    try:
        content = _place(key).read_bytes()
        check, _, body = content.partition(b"\n")
        if hashlib.sha256(body).hexdigest().encode() != check:
            return None
        with suppress(OSError):  # a cache that may only be read
            os.utime(_place(key))
        jobs: list[dict[str, Any]] = json.loads(body)
        return jobs
    except (OSError, ValueError):
        return None


def keep(key: str | None, jobs: list[dict[str, Any]]) -> None:
    """Keep the jobs; the ones longest unused make room."""
    if key is None:
        return
    body = json.dumps(jobs, ensure_ascii=False).encode()
    folder, partial = _place(key).parent, _place(key).with_suffix(f".{os.getpid()}")
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
        os.replace(partial, _place(key))
        _make_room(folder)


def _place(key: str) -> Path:
    return cache_home() / "composed" / f"{key}.json"


def _make_room(folder: Path) -> None:
    files = sorted(folder.iterdir(), key=lambda file: file.stat().st_mtime)
    for file in files[:-KEPT]:
        file.unlink(missing_ok=True)


def _asks_outside(content: bytes) -> bool:
    return b"searchpath" in content or any(name.decode() not in _PURE for name in _CALL.findall(content))


def _is_configuration(label: str) -> bool:
    """Hydra's own part is left out: it may look at its surroundings, and no build sees it."""
    kind, _, rest = label.partition("/")
    return kind in ("conf", "experts") and "/hydra/" not in rest


def _files() -> Iterator[tuple[str, bytes]]:
    """Every file that can change an answer, under a name that does not depend on where things are installed."""
    for number, folder in enumerate(conf_folders()):
        yield from _below(f"conf/{number}", folder, ".yaml")
    for number, folder in enumerate(expert_folders()):
        yield from _below(f"experts/{number}", folder, ".yaml")
    yield from _below("schemas", schema_folder(), ".json")
    yield from _below("code", Path(__file__).parent, ".py")


def _below(label: str, folder: Path, ending: str) -> Iterator[tuple[str, bytes]]:
    for root, folders, files in os.walk(folder):
        folders.sort()
        if any(os.path.islink(os.path.join(root, name)) for name in folders):
            raise OSError("what lies behind a linked folder is not seen here")
        inside = os.path.relpath(root, folder)
        for name in sorted(files):
            if name.endswith(ending):
                yield f"{label}/{inside}/{name}", Path(root, name).read_bytes()


def _machine() -> list[Any]:
    """Versions that compose, found without importing them, and the folders that `${home:...}` gives."""
    stamps: list[Any] = [sys.version]
    for library in ("hydra", "omegaconf", "jsonschema"):
        spec = importlib.util.find_spec(library)
        if spec is not None and spec.origin is not None:
            state = os.stat(spec.origin)
            stamps.append([spec.origin, state.st_size, state.st_mtime_ns])
    return [*stamps, str(cache_home()), str(data_home()), str(config_home())]
