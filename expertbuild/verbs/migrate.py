"""`expertbuild migrate manifest.json`: an expert directory from a manifest or package of the older JSON form."""

import argparse
import json
from pathlib import Path

from expertbuild.migration.account import Outcome
from expertbuild.migration.migrating import Migrated, migrate
from expertbuild.migration.telling import document, lines
from runtime.artifact.shown import shown


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="expertbuild migrate",
        description="Make an expert directory of a manifest of the older JSON form, and tell what became of every field.",
    )
    parser.add_argument("subject", type=Path, help="a manifest (schema 1.0 or 2.0), a folder with one, or a tar.gz")
    parser.add_argument("--output", "-o", type=Path, help="the expert directory; experts/NAME by default")
    parser.add_argument("--replace", action="store_true", help="write over what an earlier migration wrote")
    parser.add_argument("--without-weights", action="store_true", help="leave adapter weights behind")
    parser.add_argument("--json", action="store_true", help="print JSON")
    asked = parser.parse_args(words)
    done = migrate(asked.subject, asked.output, replace=asked.replace, without_weights=asked.without_weights)
    faults = _faults(done)
    if asked.json:
        print(json.dumps(_document(done, faults), indent=2))  # ASCII: nothing in it reaches a terminal unescaped
    else:
        print("\n".join(_lines(done, faults)))
    return 1 if faults else 0


def _faults(done: Migrated) -> list[str] | None:
    """What is wrong with the expert as this folder would build it; None where it is not the one that would be built."""
    from expertbuild.compose.command import Command
    from expertbuild.compose.faults import ConfigMistake
    from expertbuild.compose.jobs import jobs
    from expertbuild.compose.places import expert_directory

    found = expert_directory(done.expert.identity.name)
    if found is None or not found.samefile(done.directory):
        return None
    try:
        jobs(Command((f"expert={done.expert.identity.name}",)))
    except ConfigMistake as mistake:
        return [str(fault) for fault in mistake.faults]
    return []


def _lines(done: Migrated, faults: list[str] | None) -> list[str]:
    account, name = done.account, done.expert.identity.name
    counts = ", ".join(f"{account.count(outcome)} {outcome}" for outcome in Outcome)
    told = [*lines(account), "", f"{name} {done.expert.identity.version}, schema {done.expert.schema}: {counts}"]
    told.append(f"written    {done.directory}: {', '.join(done.written)}")
    if done.stayed:
        told.append(f"stayed     {shown(', '.join(done.stayed))}")
    if faults is None:
        parent = done.directory.absolute().parent
        told.append(f"composes   not tried: {parent} is not the folder of experts here")
        told.append(f"next       expertbuild 'hydra.searchpath=[experts://{parent}]' expert={name} --cfg job")
    elif faults:
        told += ["composes   no:", *(f"  {shown(fault)}" for fault in faults)]
    else:
        told += ["composes   yes", f"next       expertbuild expert={name} --cfg job"]
    return told


def _document(done: Migrated, faults: list[str] | None) -> dict[str, object]:
    return {
        "name": done.expert.identity.name,
        "version": done.expert.identity.version,
        "schema": done.expert.schema,
        "directory": str(done.directory),
        "written": list(done.written),
        "stayed": list(done.stayed),
        "composes": None if faults is None else not faults,
        "faults": faults or [],
        **document(done.account),
    }
