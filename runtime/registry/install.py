"""How a package gets into the store.

Recognise what is there already; verify everything else; ask the trust file; write to staging; then one rename for the
files and one for the record, which is the moment of installation. Killed anywhere before it, the store is as it was,
and the next writer sweeps the rest.

The same version with other bytes is refused, unless a person asks for it (`replace`) or the namespace is one of the
machine's own, where a new build of the same version is what one wants (`mode: development`, which `local` has).
"""

import hashlib
import os
import secrets
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from runtime.artifact import cosignature
from runtime.artifact.folder import Folder
from runtime.artifact.manifest import NAME
from runtime.artifact.members import check_form
from runtime.artifact.package import Glimpse, Package, glimpse, open_package
from runtime.artifact.refusals import WrongDigest
from runtime.artifact.signature import Envelope, read_envelope
from runtime.artifact.strict_json import canonical
from runtime.registry.disk import publish_file, publish_folder, write_member
from runtime.registry.installed import Installed
from runtime.registry.record import MemberRecord, Record, TrustRecord, read_record, write_record
from runtime.registry.reference import Reference, is_version
from runtime.registry.refusals import SameVersion, StoreBroken, StoreChanged, UnknownPublisher, Unsigned
from runtime.registry.store import Store
from runtime.registry.trust import OWN, Trust, add_keys, load_trust
from runtime.registry.verdict import Verdict, decide


def install(store: Store, path: Path, allow_unsigned: bool, trust_first_use: bool, replace: bool) -> Installed:
    """Install a package and return it; see `Store.install`."""
    if not path.is_dir() and (known := _recognise(store, glimpse(path), allow_unsigned)):
        return known
    with store.writing(), open_package(path, verify=False) as package:
        trust = load_trust()
        before = _before(store, package.manifest.publisher, package.manifest.name, package.manifest.version)
        same = before if before and before.id == package.id else None
        envelope = package.envelope or _kept_envelope(store, same)
        verdict = decide(package.manifest.publisher, envelope, package.statement_bytes, trust)
        flags = _permit(verdict, package, allow_unsigned, trust_first_use)
        _check_version(before, package, verdict, trust, replace)
        staged = store.staging / secrets.token_hex(8)
        members = _stage(staged, package, store, same)
        if flags == ("trust-first-use",) and envelope:
            publisher = package.manifest.publisher
            trust = add_keys(publisher, [s.public for s in envelope.signatures], origin="first use")
            verdict = decide(publisher, envelope, package.statement_bytes, trust)
        folder = _free_name(store, members)
        publish_folder(staged, store.packages / folder)
        record = _record(
            package, folder, members, TrustRecord(verdict.state, verdict.keys, flags, trust.digest, verdict.needed)
        )
        publish_file(write_record(record), store.staging, store.record_path(_reference(record)))
        store.sweep()
        return store.installed(record, trust, fresh=True)


def _recognise(store: Store, seen: Glimpse, allow_unsigned: bool) -> Installed | None:
    """The installed version that this file would give, if nothing about it can have changed since. No hashing.

    The id covers every member of the release, so the payloads of the file at hand do not matter: none is taken from it.
    """
    record = _before(store, seen.publisher, seen.name, seen.version)
    if record is None or record.id != seen.id or not seen.names - {cosignature.NAME} <= record.members.keys():
        return None
    if seen.signatures and seen.signatures != record.members["signatures.json"].sha256:
        return None
    installed = store.installed(record, load_trust())
    if installed.trust not in ("trusted", "first-use") and not (installed.trust == "unsigned" and allow_unsigned):
        return None
    return installed if all(_untouched(installed.directory / n, m) for n, m in record.members.items()) else None


def _untouched(path: Path, known: MemberRecord) -> bool:
    try:
        status = os.lstat(path)
    except OSError:
        return False
    return (status.st_size, status.st_mtime_ns) == (known.size, known.mtime_ns)


def _before(store: Store, publisher: str, name: str, version: str) -> Record | None:
    if not (NAME.fullmatch(publisher) and NAME.fullmatch(name) and is_version(version)):
        return None
    try:
        return read_record(store.record_path(Reference(name, publisher, version)))
    except (FileNotFoundError, StoreBroken):
        return None  # a damaged record is replaced


def _kept_envelope(store: Store, same: Record | None) -> Envelope | None:
    """Signatures that came earlier with the same statement hold for this package too."""
    if same is None or "signatures.json" not in same.members:
        return None
    return read_envelope(Folder(store.packages / same.folder).read("signatures.json"))


def _permit(verdict: Verdict, package: Package, allow_unsigned: bool, trust_first_use: bool) -> tuple[str, ...]:
    """The flags without which this package would not get in; refuse it if they were not given."""
    publisher, where = package.manifest.publisher, str(package.path)
    if verdict.state == "unsigned":
        if not allow_unsigned:
            hint = "If you know where it comes from, --allow-unsigned installs it, and `list` will always say so."
            raise Unsigned("Nobody has signed this package.", where=where, hint=hint)
        return ("allow-unsigned",)
    if verdict.state == "unknown":
        sentence = f"Unknown publisher: nobody on this machine has said that the key {verdict.keys[0]} may sign for {publisher}."
        if publisher == OWN:
            hint = f"{OWN!r} is each machine's own namespace; ask for a package under the builder's own, or trust the key by hand: expertbuild trust add {OWN} KEYFILE"
            raise UnknownPublisher(sentence, where=where, hint=hint)
        if not trust_first_use:
            hint = f"Get the key from {publisher} and type: expertbuild trust add {publisher} KEYFILE (or take this one on faith: --trust-first-use)."
            raise UnknownPublisher(sentence, where=where, hint=hint)
        return ("trust-first-use",)
    return ()


def _check_version(before: Record | None, package: Package, verdict: Verdict, trust: Trust, replace: bool) -> None:
    if before is None or before.id == package.id or replace:
        return
    namespace = trust.namespaces.get(package.manifest.publisher)
    if verdict.state == "trusted" and namespace is not None and namespace.mode == "development":
        return
    raise SameVersion(
        f"{before.full_name} {before.version} is installed with other bytes (id {before.id[:12]}).",
        where=str(package.path),
        hint="A release does not change: raise the version, or replace it knowingly with --replace.",
    )


def _stage(staged: Path, package: Package, store: Store, same: Record | None) -> dict[str, MemberRecord]:
    """Copy the members, each compared with what was signed as it goes by, and those of further installed variants.

    A co-signature stays behind: it is of the files of one package, and what is installed may come from several.
    """
    wanted = {name: member for name, member in package.members.items() if name != cosignature.NAME}
    members = {name: write_member(staged / name, package.chunks(name)) for name in wanted}
    if same is not None:
        installed = Folder(store.packages / same.folder)
        for name in same.members.keys() - members.keys():
            members[name] = write_member(staged / name, installed.chunks(name))
            if members[name].sha256 != same.members[name].sha256:
                raise StoreChanged(
                    f"The installed file {name} is not the one that was verified.",
                    where=str(installed.path),
                    hint=f"Uninstall {same.full_name}@{same.version} first.",
                )
    copies = Folder(staged)
    for name, member in wanted.items():
        if members[name].sha256 != member.sha256:
            raise WrongDigest(f"The member {name} changed while it was read.", where=str(package.path))
        check_form(name, copies.view(name))
    return dict(sorted(members.items()))


def _free_name(store: Store, members: Mapping[str, MemberRecord]) -> str:
    """The address of this content. A suffix where a folder of that name stands and is being replaced."""
    digest = address({name: member.sha256 for name, member in members.items()})
    names: Iterable[str] = [digest, *(f"{digest}.{n}" for n in range(1, 10_000))]
    return next(name for name in names if not (store.packages / name).exists())


def address(digests: Mapping[str, str]) -> str:
    """The SHA-256 of the list of members and their digests."""
    return hashlib.sha256(canonical(dict(digests))).hexdigest()


def _record(package: Package, folder: str, members: Mapping[str, MemberRecord], trust: TrustRecord) -> Record:
    variants = {
        base: {"base": variant.base, "tokenizer": variant.tokenizer}
        for base, variant in package.statement.variants.items()
        if any(name.startswith(f"variants/{base}/") for name in members)
    }
    return Record(
        publisher=package.manifest.publisher,
        name=package.manifest.name,
        version=package.manifest.version,
        id=package.id,
        folder=folder,
        summary=package.manifest.summary,
        trust=trust,
        origin=package.path.name[:300],
        installed=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        variants=variants,
        members=members,
    )


def _reference(record: Record) -> Reference:
    return Reference(record.name, record.publisher, record.version)
