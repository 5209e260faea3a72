"""How packages get into the store: one, or a set of them together.

Recognise what is there already; verify everything else; ask the trust file; write to staging; then one rename for the
files of each and one for its record, which is the moment of installation. Nothing of a set is installed before all of
it was verified. Killed anywhere before the first record, the store is as it was, and the next writer sweeps the rest;
records are written in the order given, so a set whose order is "what is required goes first" holds at any moment.

The same version with other bytes is refused, unless a person asks for it (`replace`) or the namespace is one of the
machine's own, where a new build of the same version is what one wants (`mode: development`, which `local` has).
Which versions a set is made of is decided in `resolve`.
"""

import hashlib
import os
import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
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
from runtime.registry.admission import Delivery, as_if_pinned, check_ranges, check_version, permit
from runtime.registry.disk import write_member
from runtime.registry.installed import Installed
from runtime.registry.publishing import Arrival, publish
from runtime.registry.record import MemberRecord, Record, TrustRecord, read_record
from runtime.registry.reference import Reference, is_version
from runtime.registry.refusals import (
    NotAsOffered,
    StoreBroken,
    StoreChanged,
)
from runtime.registry.store import Store
from runtime.registry.trust import Trust, add_keys, load_trust
from runtime.registry.verdict import decide
from runtime.registry.wholeness import check_whole


def install(store: Store, path: Path, allow_unsigned: bool, trust_first_use: bool, replace: bool) -> Installed:
    """Install a package and return it; see `Store.install`."""
    delivery = Delivery(path, allow_unsigned=allow_unsigned, trust_first_use=trust_first_use, replace=replace)
    [installed] = install_set(store, [delivery], whole=False)
    return installed


def install_set(
    store: Store, deliveries: Sequence[Delivery], *, retire: Collection[Reference] = (), whole: bool = True
) -> list[Installed]:
    """Install all of these or none, in this order, and return them; then remove what they replace.

    `whole`: refuse it if afterwards something installed lacks what it requires, or meets what it conflicts with, and
    did not before. This is asked under the store's lock, so that two installs at once can not pass it one by one.
    """
    known = [recognise(store, delivery) for delivery in deliveries]
    if not retire and all(known):
        return [installed for installed in known if installed]
    with store.writing():
        trust = load_trust()
        basis = trust.digest
        arrivals: dict[Reference, Arrival] = {}
        order: list[Reference | Installed] = []
        for delivery, there in zip(deliveries, known, strict=True):
            if there:
                order.append(there)
                continue
            arrival, trust = _receive(store, delivery, trust, arrivals)
            arrivals[arrival.reference] = arrival
            order.append(arrival.reference)
        if whole:
            check_whole(store, [arrival.record for arrival in arrivals.values()], retire)
        for arrival in arrivals.values():
            if arrival.pins:
                trust = add_keys(arrival.record.publisher, arrival.pins, origin="first use")
        if trust.digest != basis:
            arrivals = {reference: arrival.decided_by(trust.digest) for reference, arrival in arrivals.items()}
        publish(store, list(arrivals.values()), retire)
        return [
            each if isinstance(each, Installed) else store.installed(arrivals[each].record, trust, fresh=True)
            for each in order
        ]


def recognise(store: Store, delivery: Delivery) -> Installed | None:
    """The installed version that this file would give, if nothing about it can have changed since. No hashing."""
    if delivery.path.is_dir():
        return None
    seen = glimpse(delivery.path)
    if delivery.id and seen.id != delivery.id:
        return None
    return _recognise(store, seen, delivery.allow_unsigned)


def _recognise(store: Store, seen: Glimpse, allow_unsigned: bool) -> Installed | None:
    """The id covers every member of the release, so the payloads of the file at hand do not matter: none is taken
    from it."""
    record = _before(store, Reference(seen.name, seen.publisher, seen.version))
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


def _receive(
    store: Store, delivery: Delivery, trust: Trust, arrivals: Mapping[Reference, Arrival]
) -> tuple[Arrival, Trust]:
    """Verify one package into staging. What an earlier one of the set will pin counts already."""
    with open_package(delivery.path, verify=False) as package:
        if delivery.id and package.id != delivery.id:
            raise NotAsOffered(
                f"{delivery.source} offered the package {delivery.id[:12]} and sent {package.id[:12]}.",
                where=str(delivery.path),
            )
        check_ranges(package)
        publisher = package.manifest.publisher
        reference = Reference(package.manifest.name, publisher, package.manifest.version)
        first = arrivals.get(reference)
        before, kept = (first.record, first.staged) if first else (_before(store, reference), None)
        same = before if before and before.id == package.id else None
        if same and kept is None:
            kept = store.packages / same.folder
        envelope = package.envelope or _kept_envelope(kept, same)
        verdict = decide(publisher, envelope, package.statement_bytes, trust)
        flags = permit(verdict, package, delivery)
        check_version(before, package, verdict, trust, delivery.replace)
        staged = store.staging / secrets.token_hex(8)
        members = _stage(staged, package, kept, same)
        pins = first.pins if first else ()
        if flags == ("trust-first-use",) and envelope:
            pins = tuple(signature.public for signature in envelope.signatures)
            trust = as_if_pinned(trust, publisher, pins)
            verdict = decide(publisher, envelope, package.statement_bytes, trust)
        elif first:
            flags = first.record.trust.flags
        folder = _free_name(store, members)
        noted = TrustRecord(verdict.state, verdict.keys, flags, trust.digest, verdict.needed)
        record = _record(package, folder, members, noted, delivery.source)
        replaced = first.replaces if first else before.folder if before else None
        return Arrival(staged, record, replaced, pins), trust


def _before(store: Store, wanted: Reference) -> Record | None:
    if not (
        NAME.fullmatch(wanted.publisher or "")
        and NAME.fullmatch(wanted.name or "")
        and is_version(wanted.version or "")
    ):
        return None
    try:
        return read_record(store.record_path(wanted))
    except (FileNotFoundError, StoreBroken):
        return None  # a damaged record is replaced


def _kept_envelope(kept: Path | None, same: Record | None) -> Envelope | None:
    """Signatures that came earlier with the same statement hold for this package too."""
    if kept is None or same is None or "signatures.json" not in same.members:
        return None
    return read_envelope(Folder(kept).read("signatures.json"))


def _stage(staged: Path, package: Package, kept: Path | None, same: Record | None) -> dict[str, MemberRecord]:
    """Copy the members, each compared with what was signed as it goes by, and those of further installed variants.

    A co-signature stays behind: it is of the files of one package, and what is installed may come from several.
    """
    wanted = {name: member for name, member in package.members.items() if name != cosignature.NAME}
    members = {name: write_member(staged / name, package.chunks(name)) for name in wanted}
    if same is not None and kept is not None:
        installed = Folder(kept)
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


def _record(
    package: Package, folder: str, members: Mapping[str, MemberRecord], trust: TrustRecord, source: str
) -> Record:
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
        requires=package.manifest.requires,
        conflicts=package.manifest.conflicts,
        source=source[:300],
    )
