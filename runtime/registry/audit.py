"""Proving an installed version again: every byte, the signatures, and today's trust file.

Finds what changed in the store since it was installed, whoever changed it, and says all of it. A package file can be
proved the same way. It repairs one thing: a
modification time that is off while the content is proved (a restored backup), since that would stop every load.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from runtime.artifact import cosignature
from runtime.artifact.folder import Folder
from runtime.artifact.package import open_package
from runtime.artifact.refusals import Refused
from runtime.artifact.signature import verify
from runtime.errors import Problem
from runtime.registry.disk import publish_file
from runtime.registry.install import address
from runtime.registry.installed import Installed
from runtime.registry.record import write_record
from runtime.registry.store import Store
from runtime.registry.trust import load_trust
from runtime.registry.verdict import decide, standing


@dataclass(frozen=True)
class Audit:
    """What was read again, from its first byte to its last. No faults: it is what was signed, by a key that counts."""

    subject: str
    trust: str
    faults: tuple[str, ...]
    whole: bool  # the bytes are those that were signed, whatever is thought of the key today


def audit(store: Store, installed: Installed) -> Audit:
    """Prove an installed version again."""
    faults: list[str] = []
    distrust = None
    try:
        faults.extend(_changed_files(installed))
        faults.extend(_contradictions(installed))
        distrust = _distrust(installed)
    except Problem as problem:
        faults.append(problem.what)
    whole = not faults
    if whole and not distrust:
        _repair_times(store, installed)
    every = [*faults, distrust] if distrust else faults
    return Audit(installed.reference, installed.trust, tuple(dict.fromkeys(every)), whole)


def prove(path: Path, cosigner: bytes | None = None) -> Audit:
    """Prove a package file, as installing it would; and its co-signature, if the public half of that key is given."""
    try:
        with open_package(path) as package:
            if cosigner is not None:
                if package.cosigned is None:
                    return Audit(str(path), "refused", (f"The package has no {cosignature.NAME}.",), False)
                package.cosigned.verify(cosigner)
            verdict = decide(package.manifest.publisher, package.envelope, package.statement_bytes, load_trust())
    except Refused as refusal:
        return Audit(str(path), "refused", (refusal.what,), False)
    return Audit(str(path), "unknown publisher" if verdict.state == "unknown" else verdict.state, (), True)


def _changed_files(installed: Installed) -> Iterator[str]:
    from blake3 import blake3

    files = Folder(installed.directory)
    for name in sorted(installed.record.members.keys() - set(files.names)):
        yield f"The file {name} is gone."
    for name in files.names:
        known = installed.record.members.get(name)
        if known is None:
            yield f"The file {name} was added."
            continue
        sha256, fast = hashlib.sha256(), blake3()
        for piece in files.chunks(name):
            sha256.update(piece)
            fast.update(piece)
        if (sha256.hexdigest(), fast.hexdigest(), files.size(name)) != (known.sha256, known.blake3, known.size):
            yield f"The file {name} was changed."


def _contradictions(installed: Installed) -> Iterator[str]:
    """What the record says against what the statement and its signatures say."""
    record = installed.record
    with open_package(installed.directory) as package:
        digests = {name: member.sha256 for name, member in package.members.items()}
        if (package.id, package.manifest.full_name, package.manifest.version) != (
            record.id,
            record.full_name,
            record.version,
        ):
            yield "The record is of another release than the files."
        if {name: member.sha256 for name, member in record.members.items()} != digests:
            yield "The record lists other digests than the statement."
        if record.folder.partition(".")[0] != address(digests):
            yield "The folder is not named after its content."
        signed = verify(package.envelope, package.statement_bytes) if package.envelope else frozenset()
        for key in sorted(set(record.trust.keys) - signed):
            yield f"The record counts a signature by the key {key} that is not there."


def _distrust(installed: Installed) -> str | None:
    """Why today's trust file would not let it in as it was let in."""
    record, trust = installed.record, load_trust()
    state = standing(record.publisher, record.trust.state, record.trust.keys, trust, record.trust.needed)
    if state == "revoked":
        revoked = min(trust.namespaces[record.publisher].in_state("revoked") & set(record.trust.keys))
        return f"It is signed by the key {revoked}, which was revoked for {record.publisher}."
    if state == "no longer trusted":
        return f"It was installed as {record.trust.state} and is no longer trusted."
    return None


def _repair_times(store: Store, installed: Installed) -> None:
    record = installed.record
    times = {name: (installed.directory / name).stat().st_mtime_ns for name in record.members}
    if all(times[name] == member.mtime_ns for name, member in record.members.items()):
        return
    members = {name: replace(member, mtime_ns=times[name]) for name, member in record.members.items()}
    with store.writing():
        path = store.records / record.full_name / f"{record.version}.json"
        if path.exists():
            publish_file(write_record(replace(record, members=members)), store.staging, path)
