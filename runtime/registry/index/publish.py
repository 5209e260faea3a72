"""Writing an index: add packages, take versions back, renew what expires.

Files come first, the lists that name them next, and the timestamp last: until it is in its place, clients see the
release before, whole. Killed anywhere, the next run goes on from that one. A package gets in if it is signed and whole;
a version that is there never changes, and a yanked one stays where it is for those who have it in a lock file.
"""

import hashlib
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from tuf.api.metadata import Metadata, Root, TargetFile

from runtime.artifact.container import CHUNK, sync_folder
from runtime.artifact.package import Package, open_package
from runtime.artifact.refusals import Refused
from runtime.errors import Mistake, Problem
from runtime.registry.disk import only_writer
from runtime.registry.index import documents, roles
from runtime.registry.index.documents import Found, Offer
from runtime.registry.index.roles import Chain, Keys
from runtime.registry.reference import parse_reference
from runtime.registry.refusals import IndexBroken, NotForOthers, NotInIndex, SameVersion, Unsigned
from runtime.registry.trust import OWN, load_trust
from runtime.registry.verdict import decide

_PARTIAL = ".partial-"


@dataclass(frozen=True)
class Outcome:
    """What a run has done. `changed`: NAME@VERSION; `root_expires` is the day when the root key is needed again."""

    changed: tuple[str, ...]
    known: tuple[str, ...]
    version: int
    expires: str
    root_expires: str
    keys: tuple[str, ...]


def publish(folder: Path, packages: Iterable[Path], keys: Keys, now: datetime | None = None) -> Outcome:
    """Add packages to the index in this folder, which is made if there is none."""
    with _writing(folder, keys, now) as draft:
        for path in packages:
            draft.add(path)
        return draft.commit()


def yank(folder: Path, reference: str, why: str, keys: Keys, now: datetime | None = None) -> Outcome:
    """Let no new resolve take a version; without a reason, let it be taken again."""
    wanted = parse_reference(reference)
    if not (wanted.publisher and wanted.name and wanted.version):
        raise Mistake(f"{reference[:100]!r} does not name one version.", hint="Write PUBLISHER/NAME@VERSION.")
    with _writing(folder, keys, now) as draft:
        draft.mark(wanted.publisher, wanted.name, wanted.version, why)
        return draft.commit()


def refresh(folder: Path, keys: Keys, now: datetime | None = None, *, replace_key: bool = False) -> Outcome:
    """Vouch for the index once more, so that clients go on believing it; with another key, if its root allows that."""
    with _writing(folder, keys, now, replace_key) as draft:
        if draft.before is None:
            raise Mistake("There is no index in this folder.", where=str(folder))
        return draft.commit()


@contextmanager
def _writing(folder: Path, keys: Keys, now: datetime | None, replace_key: bool = False) -> Iterator["_Draft"]:
    """Be the one process that writes to this index."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with only_writer(folder / ".lock"):
            for rest in folder.rglob(f"{_PARTIAL}*"):
                rest.unlink()
            yield _Draft(folder, keys, now or datetime.now(UTC), replace_key)
    except OSError as error:
        raise Problem(f"The index can not be written: {error.strerror}.", where=str(folder)) from error


class _Draft:
    """The next release of an index, until it is committed."""

    def __init__(self, folder: Path, keys: Keys, now: datetime, replace_key: bool) -> None:
        self._folder, self._keys, self._now, self._replace_key = folder, keys, now, replace_key
        self._metadata = folder / "metadata"
        roots = roles.load_roots(self._metadata, keys, replacing=replace_key)
        self._is_new = not roots
        self._root = roots[-1] if roots else roles.first_root(keys, now)
        self.before = self._newest(roots)
        self._files: dict[str, TargetFile] = dict(self.before.files) if self.before else {}
        self._entries: dict[tuple[str, str], dict[str, Offer]] = {}
        self._changed: list[str] = []
        self._known: list[str] = []

    def _newest(self, roots: list[Metadata[Root]]) -> Chain | None:
        """The release before. Stopped while it replaced a key, an index has lists that only the root before vouches for."""
        try:
            return roles.load_chain(self._metadata, roots[-1]) if roots else None
        except IndexBroken:
            if not self._replace_key or len(roots) < 2:
                raise
            return roles.load_chain(self._metadata, roots[-2])

    def add(self, path: Path) -> None:
        """Take a package in, as a copy that was verified after it was made."""
        if not path.is_file():
            raise Mistake("That is not a package file.", where=str(path))
        copy = self._folder / f"{_PARTIAL}{secrets.token_hex(8)}"
        digest, size = _copy(path, copy)
        try:
            with open_package(copy) as package:
                self._take(package, path, digest, size)
        except Refused as refusal:
            refusal.where = str(path)
            raise
        finally:
            copy.unlink(missing_ok=True)

    def _take(self, package: Package, path: Path, digest: str, size: int) -> None:
        manifest = package.manifest
        named = f"{manifest.full_name}@{manifest.version}"
        if manifest.publisher == OWN:
            raise NotForOthers(
                f"{named} is in {OWN!r}, each machine's own namespace: nobody else could install it.",
                where=str(path),
                hint="Build it under a name of your own: package.publisher=NAME package.key=KEY",
            )
        if decide(manifest.publisher, package.envelope, package.statement_bytes, load_trust()).state == "unsigned":
            raise Unsigned("Nobody has signed this package; an index takes signed ones only.", where=str(path))
        target = documents.package_path(manifest.publisher, manifest.name, manifest.version)
        if target in self._files:
            if self._files[target].hashes["sha256"] != digest:
                raise SameVersion(
                    f"{named} is in the index with other bytes.",
                    where=str(path),
                    hint="A release does not change: raise the version.",
                )
            self._known.append(named)
            return
        place = self._place(target, digest)
        os.replace(package.path, place)
        sync_folder(place.parent)
        self._files[target] = TargetFile(size, {"sha256": digest}, target)
        entry = self._entry(manifest.publisher, manifest.name)
        entry[manifest.version] = _offer(package, size, self._now)
        self._changed.append(named)

    def mark(self, publisher: str, name: str, version: str, why: str) -> None:
        entry = self._entry(publisher, name)
        if version not in entry:
            there = ", ".join(entry) or "none"
            raise NotInIndex(f"The index has no {publisher}/{name}@{version}.", hint=f"Versions: {there}.")
        entry[version] = replace(entry[version], yanked=why)
        self._changed.append(f"{publisher}/{name}@{version}")

    def commit(self) -> Outcome:
        """Write the documents, the lists, and last the timestamp."""
        if self._entries or not self.before:
            search = self._search()
            for (publisher, name), entry in self._entries.items():
                self._put(documents.entry_path(publisher, name), documents.write_entry(publisher, name, entry))
                version = documents.best(entry)
                search[publisher, name] = Found(publisher, name, version, entry[version])
            self._put(documents.SEARCH, documents.write_search(search))
        self._write_root()
        for name, data in roles.release(self.before, self._files, self._keys, self._now, anew=self._replace_key):
            _write(self._metadata / name, data)
        written = roles.load_chain(self._metadata, self._root)
        assert written is not None
        return Outcome(
            tuple(self._changed),
            tuple(self._known),
            written.timestamp.signed.version,
            f"{written.timestamp.signed.expires:%Y-%m-%d}",
            f"{self._root.signed.expires:%Y-%m-%d}",
            tuple(self._root.signed.roles["root"].keyids),
        )

    def _write_root(self) -> None:
        if self._replace_key:
            newer: Metadata[Root] | None = roles.with_key(self._root, self._keys, self._now)
        else:
            newer = self._root if self._is_new else roles.next_root(self._root, self._keys, self._now)
        self._root = newer or self._root
        if newer:
            _write(self._metadata / f"{newer.signed.version}.root.json", newer.to_bytes())
        copy = self._folder / "root.json"
        if not copy.exists() or copy.read_bytes() != self._root.to_bytes():
            _write(copy, self._root.to_bytes())

    def _search(self) -> dict[tuple[str, str], Found]:
        if documents.SEARCH not in self._files:
            return {}
        return {(one.publisher, one.name): one for one in documents.read_search(self._read(documents.SEARCH))}

    def _entry(self, publisher: str, name: str) -> dict[str, Offer]:
        """The versions of an expert, to be changed; written back when the release is."""
        if (publisher, name) not in self._entries:
            path = documents.entry_path(publisher, name)
            known = documents.read_entry(self._read(path), publisher, name) if path in self._files else {}
            self._entries[publisher, name] = known
        return self._entries[publisher, name]

    def _read(self, target: str) -> bytes:
        """A document of the release before, if it is still the one that was signed."""
        known = self._files[target]
        path = self._place(target, known.hashes["sha256"])
        try:
            data = path.read_bytes()
        except OSError as error:
            raise IndexBroken(f"A document of the index can not be read: {error.strerror}.", where=str(path)) from None
        if (len(data), hashlib.sha256(data).hexdigest()) != (known.length, known.hashes["sha256"]):
            raise IndexBroken("A document of the index is not the one that was signed.", where=str(path))
        return data

    def _put(self, target: str, data: bytes) -> None:
        digest = hashlib.sha256(data).hexdigest()
        _write(self._place(target, digest), data)
        self._files[target] = TargetFile(len(data), {"sha256": digest}, target)

    def _place(self, target: str, digest: str) -> Path:
        folder, _, name = target.rpartition("/")
        place = self._folder / "targets" / folder / f"{digest}.{name}"
        place.parent.mkdir(parents=True, exist_ok=True)
        return place


def _offer(package: Package, size: int, now: datetime) -> Offer:
    manifest = package.manifest
    words = dict.fromkeys((*manifest.capabilities, *manifest.routing.keywords))
    return Offer(
        id=package.id,
        size=size,
        published=f"{now:%Y-%m-%d}",
        summary=manifest.summary,
        keywords=tuple(words)[: documents.MOST_KEYWORDS],
        requires=dict(manifest.requires),
        conflicts=dict(manifest.conflicts),
        variants={base: _digests(package, base) for base in package.variants},
    )


def _digests(package: Package, base: str) -> Mapping[str, str]:
    variant = package.statement.variants[base]
    return {"base": variant.base, "tokenizer": variant.tokenizer}


def _copy(source: Path, target: Path) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with open(source, "rb") as read, open(target, "xb") as out:
        while piece := read.read(CHUNK):
            digest.update(piece)
            size += len(piece)
            out.write(piece)
        out.flush()
        os.fsync(out.fileno())
    return digest.hexdigest(), size


def _write(path: Path, data: bytes) -> None:
    """A file, whole from the first moment."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{_PARTIAL}{secrets.token_hex(8)}")
    with open(partial, "xb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
    os.replace(partial, path)
    sync_folder(path.parent)
