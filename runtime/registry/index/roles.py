"""The signed lists of an index, as its publisher keeps them: root, targets, snapshot and timestamp.

They are those of The Update Framework, made with its own library and our Ed25519 keys. The root says whose keys count;
one key signs the other three, because one command writes them together. What stands in the folder is proved before it
is signed anew: somebody who can write to the file server must not get a signature for what he put there.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from securesystemslib.signer import Key, SecretsHandler, Signature, Signer, SSlibKey
from tuf.api.exceptions import RepositoryError, StorageError
from tuf.api.metadata import Metadata, MetaFile, Root, Signed, Snapshot, TargetFile, Targets, Timestamp

from runtime.errors import Mistake
from runtime.registry.keys import PrivateKey
from runtime.registry.refusals import ForeignIndex, IndexBroken

# How long a client may believe each list without hearing from us. The timestamp is what stops somebody from serving
# yesterday's index for ever; the root lasts as long as its key can lie in a drawer.
LIFETIME = {"timestamp": 14, "snapshot": 90, "targets": 90, "root": 365}
ONLINE = (Targets.type, Snapshot.type, Timestamp.type)


@dataclass(frozen=True)
class Keys:
    """The key that signs every release of an index, and the one that signs its root: the same, unless it is given."""

    online: PrivateKey
    root: PrivateKey | None = None


@dataclass(frozen=True)
class Chain:
    """The four lists as they stand."""

    root: Metadata[Root]
    targets: Metadata[Targets]
    snapshot: Metadata[Snapshot]
    timestamp: Metadata[Timestamp]

    @property
    def files(self) -> dict[str, TargetFile]:
        """What the index consists of: path -> length and digest."""
        return self.targets.signed.targets


class _Signer(Signer):
    """Our key, as the library wants it."""

    def __init__(self, key: PrivateKey) -> None:
        self._key = key

    @property
    def public_key(self) -> Key:
        return public_key(self._key)

    def sign(self, payload: bytes) -> Signature:
        return Signature(self._key.id, self._key.sign(payload).hex())

    @classmethod
    def from_priv_key_uri(
        cls, priv_key_uri: str, public_key: Key, secrets_handler: SecretsHandler | None = None
    ) -> Signer:
        raise NotImplementedError("Keys come from files: runtime.registry.keys")


def public_key(key: PrivateKey) -> Key:
    return SSlibKey(key.id, "ed25519", "ed25519", {"public": key.public.hex()})


def first_root(keys: Keys, now: datetime) -> Metadata[Root]:
    """The root of a new index."""
    root = Root(version=1, expires=_until(Root.type, now), consistent_snapshot=True)
    root.add_key(public_key(keys.root or keys.online), Root.type)
    for role in ONLINE:
        root.add_key(public_key(keys.online), role)
    made = Metadata(root)
    made.sign(_Signer(keys.root or keys.online))
    return made


def load_roots(folder: Path, keys: Keys, *, replacing: bool = False) -> list[Metadata[Root]]:
    """The roots of an index, each proved by the one before it; none where nothing was published yet.

    Our key must be the one that signs the index, unless it is about to replace that one.
    """
    roots: list[Metadata[Root]] = []
    for number in range(1, 1 + len(list(folder.glob("*.root.json")))):
        path = folder / f"{number}.root.json"
        with _proving(path):
            root: Metadata[Root] = Metadata.from_file(str(path))
            payload = root.signed_bytes
            for judge in (*roots[-1:], root):
                judge.signed.verify_delegate(Root.type, payload, root.signatures)
            if root.signed.version != number:
                raise RepositoryError(f"it has version {root.signed.version}")
        roots.append(root)
    if roots:
        _check_keys(roots[-1].signed, keys, folder, replacing)
    return roots


def load_chain(folder: Path, root: Metadata[Root]) -> Chain | None:
    """The lists of the newest release, each proved by the one above it; None where nothing was published yet.

    Expiry is not looked at: renewing is what one comes here for.
    """
    if not (folder / "timestamp.json").exists():
        return None
    timestamp = _proved(Timestamp, folder / "timestamp.json", root.signed, None)
    meta = timestamp.signed.snapshot_meta
    snapshot = _proved(Snapshot, folder / f"{meta.version}.snapshot.json", root.signed, meta)
    meta = snapshot.signed.meta["targets.json"]
    targets = _proved(Targets, folder / f"{meta.version}.targets.json", root.signed, meta)
    return Chain(root, targets, snapshot, timestamp)


def release(
    before: Chain | None, files: Mapping[str, TargetFile], keys: Keys, now: datetime, *, anew: bool = False
) -> Iterator[tuple[str, bytes]]:
    """The lists of the next release (name, bytes), in the order in which they must be written.

    Those that say the same and last long enough are left, unless all are to be signed `anew`.
    """
    signer = _Signer(keys.online)
    targets_version = before.targets.signed.version if before else 0
    snapshot_version = before.snapshot.signed.version if before else 0
    meta = before.snapshot.signed.meta["targets.json"] if before else MetaFile(1)
    if before is None or anew or dict(files) != before.files or _half_gone(before.targets.signed, now):
        targets_version += 1
        targets = Metadata(Targets(version=targets_version, expires=_until(Targets.type, now), targets=dict(files)))
        targets.sign(signer)
        meta = _meta(targets_version, data := targets.to_bytes())
        yield f"{targets_version}.targets.json", data
    above = before.timestamp.signed.snapshot_meta if before else MetaFile(1)
    if (
        before is None
        or anew
        or meta != before.snapshot.signed.meta["targets.json"]
        or _half_gone(before.snapshot.signed, now)
    ):
        snapshot_version += 1
        snapshot = Metadata(Snapshot(version=snapshot_version, expires=_until(Snapshot.type, now)))
        snapshot.signed.meta = {"targets.json": meta}
        snapshot.sign(signer)
        above = _meta(snapshot_version, data := snapshot.to_bytes())
        yield f"{snapshot_version}.snapshot.json", data
    number = before.timestamp.signed.version + 1 if before else 1
    timestamp = Metadata(Timestamp(version=number, expires=_until(Timestamp.type, now), snapshot_meta=above))
    timestamp.sign(signer)
    yield "timestamp.json", timestamp.to_bytes()


def next_root(root: Metadata[Root], keys: Keys, now: datetime) -> Metadata[Root] | None:
    """The root once more with a later expiry, when half of its time is gone and its key is at hand."""
    signing = keys.root or keys.online
    if not _half_gone(root.signed, now) or signing.id not in root.signed.roles[Root.type].keyids:
        return None
    return _later(root, signing, now)


def with_key(root: Metadata[Root], keys: Keys, now: datetime) -> Metadata[Root]:
    """The root that lets another key sign the index, signed by the key of the root."""
    if keys.root is None:
        raise Mistake("Only the key of the root can let another key sign.", hint="Give it: --root-key KEY")
    changed: Metadata[Root] = Metadata.from_bytes(root.to_bytes())
    for role in ONLINE:
        for known in list(changed.signed.roles[role].keyids):
            changed.signed.revoke_key(known, role)
        changed.signed.add_key(public_key(keys.online), role)
    return _later(changed, keys.root, now)


def _later(root: Metadata[Root], signing: PrivateKey, now: datetime) -> Metadata[Root]:
    made: Metadata[Root] = Metadata.from_bytes(root.to_bytes())
    made.signed.version += 1
    made.signed.expires = _until(Root.type, now)
    made.sign(_Signer(signing))
    return made


def _check_keys(root: Root, keys: Keys, folder: Path, replacing: bool) -> None:
    """One key, ours, signs for this index: then everything below it in the folder was signed by us."""
    for role in () if replacing else ONLINE:
        if root.roles[role].keyids != [keys.online.id]:
            raise ForeignIndex(
                f"This index is signed by the key {root.roles[role].keyids[0][:12]}, not by {keys.online.id[:12]}.",
                where=str(folder.parent),
                hint="Sign with the key that the index was made with: --key KEY",
            )
    if keys.root is not None and keys.root.id not in root.roles[Root.type].keyids:
        raise Mistake(f"The root of this index is not signed by the key {keys.root.id[:12]}.", where=str(folder.parent))


def _proved(kind: type[Any], path: Path, root: Root, meta: MetaFile | None) -> Metadata[Any]:
    with _proving(path):
        data = path.read_bytes()
        if meta is not None:
            meta.verify_length_and_hashes(data)
        found: Metadata[Any] = Metadata.from_bytes(data)
        if not isinstance(found.signed, kind) or (meta is not None and found.signed.version != meta.version):
            raise RepositoryError("it is another list than its name says")
        root.verify_delegate(found.signed.type, found.signed_bytes, found.signatures)
        return found


class _proving:
    """Whatever the library finds wrong with a file of ours is a broken index."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, RepositoryError | StorageError | OSError):
            sentence = re.sub(r"\s+", " ", str(error)) or type(error).__name__
            raise IndexBroken(
                f"The index can not be continued: {sentence}.",
                where=str(self._path),
                hint="Bring the folder back from a copy; what was not signed with your key is not signed anew.",
            ) from None


def _meta(version: int, data: bytes) -> MetaFile:
    return MetaFile.from_data(version, data, ["sha256"])


def _until(role: str, now: datetime) -> datetime:
    return now.replace(microsecond=0) + timedelta(days=LIFETIME[role])


def _half_gone(signed: Signed, now: datetime) -> bool:
    return signed.expires - now < timedelta(days=LIFETIME[signed.type]) / 2
