"""The moment at which verified packages become installed, and the one at which others are removed.

Files get their places first, records after them, each by one rename. If anything fails on the way, what was done is
undone: a record gets its old bytes back, a folder goes again. Whether any of it may be is decided by whoever calls.
"""

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from runtime.registry.disk import publish_file, publish_folder, remove_folder
from runtime.registry.record import Record, read_record, write_record
from runtime.registry.reference import Reference
from runtime.registry.refusals import StoreBroken

if TYPE_CHECKING:
    from runtime.registry.store import Store


@dataclass(frozen=True)
class Arrival:
    """A verified package in staging, with the record that will make it installed."""

    staged: Path
    record: Record
    replaces: str | None = None  # the folder of the same version that is there now
    pins: tuple[bytes, ...] = ()  # keys that a first use brings in

    @property
    def reference(self) -> Reference:
        return reference_of(self.record)

    def decided_by(self, basis: str) -> Self:
        """The same, let in by the trust file with this digest: the one that first uses have changed."""
        return replace(self, record=replace(self.record, trust=replace(self.record.trust, basis=basis)))


def reference_of(record: Record) -> Reference:
    return Reference(record.name, record.publisher, record.version)


def publish(store: "Store", arrivals: Sequence[Arrival], retire: Collection[Reference] = ()) -> None:
    """Install these, in this order, all or none; then remove the others. Only for the one that writes."""
    records = [(store.record_path(arrival.reference), write_record(arrival.record)) for arrival in arrivals]
    before = {path: path.read_bytes() if path.exists() else None for path, _ in records}
    placed: list[Path] = []
    try:
        for arrival in arrivals:
            target = store.packages / arrival.record.folder
            publish_folder(arrival.staged, target)
            placed.append(target)
        for path, data in records:
            publish_file(data, store.staging, path)
    except BaseException:
        with suppress(OSError):  # a full disk, say: the next one that writes sweeps the rest
            _undo(store, before, placed)
        raise
    for arrival in arrivals:
        if arrival.replaces and arrival.replaces != arrival.record.folder:
            remove_folder(store.packages / arrival.replaces)
    for reference in retire:
        remove(store, reference)


def remove(store: "Store", reference: Reference) -> None:
    """Remove an installed version: first its record, then its files. One that is gone already is no matter."""
    path = store.record_path(reference)
    try:
        folder = read_record(path).folder
    except FileNotFoundError:
        return
    drop_record(path)
    remove_folder(store.packages / folder)


def drop_record(path: Path) -> None:
    """Take a record away, and the folders around it that are empty then."""
    path.unlink(missing_ok=True)
    for folder in (path.parent, path.parent.parent):
        with suppress(OSError):  # not empty
            folder.rmdir()


def _undo(store: "Store", before: dict[Path, bytes | None], placed: Sequence[Path]) -> None:
    for path, data in before.items():
        if data is None:
            drop_record(path)
        else:
            publish_file(data, store.staging, path)
    with suppress(StoreBroken):
        for folder in placed:
            remove_folder(folder)
