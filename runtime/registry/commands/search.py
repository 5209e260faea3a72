"""The verb `search`."""

import sys
from collections.abc import Sequence
from typing import Any

from runtime.artifact.shown import shown, table
from runtime.errors import Problem
from runtime.registry.candidate import Candidate
from runtime.registry.commands.words import parser, print_json
from runtime.registry.store import Store


def search(argv: Sequence[str]) -> int:
    """Look for experts, in the configured indexes and among what is installed."""
    from runtime.registry.sources import configured

    words = parser("search", search.__doc__)
    words.add_argument("word", nargs="*", help="every one of them must fit; without any, everything is shown")
    said = words.parse_args(argv)
    text = " ".join(said.word)
    installed = {record.full_name: record for record in Store().all_records()}
    found: list[dict[str, Any]] = []
    faults: list[str] = []
    sources = configured()
    for source in sources:
        try:
            found.extend(_as_json(each, installed) for each in source.search(text))
        except Problem as problem:
            faults.append(str(problem))
        if note := getattr(source, "note", ""):
            faults.append(note)
    named = {each["name"] for each in found}
    found.extend(
        _kept(record) for record in installed.values() if record.full_name not in named and _fits(record, text)
    )
    if said.json:
        print_json({"found": found, "problems": faults})
    else:
        for fault in faults:
            print(shown(fault), file=sys.stderr)
        if found:
            rows = [(e["name"], e["version"], e["installed"] or "", e["source"], e["summary"]) for e in found]
            print(table([("NAME", "VERSION", "INSTALLED", "WHERE", "SUMMARY"), *rows]))
        else:
            print("Nothing fits." if sources else "Nothing fits, and no index is configured: see expertbuild index add")
    return 1 if faults and not found else 0


def _as_json(candidate: Candidate, installed: Any) -> dict[str, Any]:
    record = installed.get(candidate.full_name)
    return {
        "name": candidate.full_name,
        "version": candidate.version,
        "id": candidate.id,
        "summary": candidate.summary,
        "bases": sorted(candidate.variants),
        "size": candidate.size,
        "source": candidate.source,
        "installed": record.version if record else None,
    }


def _kept(record: Any) -> dict[str, Any]:
    return {
        "name": record.full_name,
        "version": record.version,
        "id": record.id,
        "summary": record.summary,
        "bases": sorted(record.variants),
        "size": sum(member.size for member in record.members.values()),
        "source": "installed",
        "installed": record.version,
    }


def _fits(record: Any, text: str) -> bool:
    whole = f"{record.full_name} {record.summary}".casefold()
    return all(word in whole for word in text.casefold().split())
