"""What the verbs of the registry share: their common words, what they take as a subject, and how they print it."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime.artifact.shown import shown
from runtime.errors import Mistake, Problem
from runtime.registry.disk import publish_file
from runtime.registry.installed import Installed
from runtime.registry.store import Store

if TYPE_CHECKING:
    from runtime.registry.plan import Plan

SHORT = 12


def parser(verb: str, does: str | None) -> argparse.ArgumentParser:
    words = argparse.ArgumentParser(prog=f"expertbuild {verb}", description=does)
    words.add_argument("--json", action="store_true", help="print JSON")
    return words


def subject(text: str) -> Installed | Path:
    """A path if it looks like one or leads to something that can be a package; otherwise what is installed."""
    path = Path(text)
    return path if path.suffix == ".expert" or path.is_file() else Store().find(text)


def source_words(words: argparse.ArgumentParser) -> None:
    """Where packages may come from, and what for."""
    words.add_argument(
        "--from",
        dest="sources",
        action="append",
        default=[],
        metavar="SOURCE",
        help="a folder of .expert files, or git+https://HOST/PATH@COMMIT; asked before the indexes of this machine",
    )
    words.add_argument("--base", metavar="NAME", help="only versions for this base: a name, or 8 digits of its digest")


def show_plan(plan: "Plan", *, as_document: bool) -> int:
    """What would change."""
    if as_document:
        return print_json(plan_as_json(plan))
    for change in plan.changes:
        print(shown(change))
    for reference in plan.retire:
        print(shown(f"{reference.publisher}/{reference.name} {reference.version} is removed."))
    for reason in plan.held:
        print(shown(reason))
    for one in plan.beside:
        print(shown(f"{one.full_name} {one.version} beside what is installed ({one.source})"))
    if not plan.changes and not plan.beside:
        print("Nothing changes.")
    return 0


def plan_as_json(plan: "Plan") -> dict[str, Any]:
    return {
        "changes": [
            {
                "name": change.one.full_name,
                "before": change.before or None,
                "version": change.one.version,
                "id": change.one.id,
                "source": change.one.source,
                "why": change.why,
            }
            for change in plan.changes
        ],
        "beside": [f"{one.full_name}@{one.version}" for one in plan.beside],
        "removed": [f"{gone.publisher}/{gone.name}@{gone.version}" for gone in plan.retire],
        "held": list(plan.held),
    }


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
        "requires": dict(installed.requires),
        "conflicts": dict(installed.conflicts),
        "origin": record.origin,
        "source": record.source,
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
