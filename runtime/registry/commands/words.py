"""What the verbs of the registry share: their common words, what they take as a subject, and how they print it."""

import argparse
import json
from pathlib import Path
from typing import Any

from runtime.errors import Mistake, Problem
from runtime.registry.disk import publish_file
from runtime.registry.installed import Installed
from runtime.registry.store import Store

SHORT = 12


def parser(verb: str, does: str | None) -> argparse.ArgumentParser:
    words = argparse.ArgumentParser(prog=f"expertbuild {verb}", description=does)
    words.add_argument("--json", action="store_true", help="print JSON")
    return words


def subject(text: str) -> Installed | Path:
    """A path if it looks like one or leads to something that can be a package; otherwise what is installed."""
    path = Path(text)
    return path if path.suffix == ".expert" or path.is_file() else Store().find(text)


def trust_words(installed: Installed) -> str:
    recorded = installed.record.trust
    if installed.trust in ("trusted", "first-use") and recorded.keys:
        return f"{installed.trust}, key {recorded.keys[0][:SHORT]}"
    return installed.trust


def as_json(installed: Installed) -> dict[str, Any]:
    record = installed.record
    return {
        "name": installed.name,
        "version": installed.version,
        "id": installed.id,
        "summary": record.summary,
        "variants": {base: dict(digests) for base, digests in record.variants.items()},
        "trust": {"state": installed.trust, "keys": list(record.trust.keys), "flags": list(record.trust.flags)},
        "origin": record.origin,
        "installed": record.installed,
        "directory": str(installed.directory),
        "fresh": installed.fresh,
    }


def print_json(value: Any) -> int:
    print(json.dumps(value, indent=2))  # ASCII: nothing in it reaches a terminal unescaped
    return 0


def read_file(path: Path) -> bytes:
    """A file that somebody named."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise Mistake(f"The file can not be read: {error.strerror}.", where=str(path)) from None


def write_file(path: Path, data: bytes) -> None:
    """A file where somebody wants it, whole or not at all."""
    place = path.absolute()
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        publish_file(data, place.parent, place)
    except OSError as error:
        raise Problem(f"The file can not be written: {error.strerror}.", where=str(path)) from error
