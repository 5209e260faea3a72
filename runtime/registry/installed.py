"""An installed version, as the machine uses it.

The hot path: installing proved every byte with SHA-256 and signatures; `open` only asks whether the file is still that
one, by size, modification time and BLAKE3, and maps it. `Store.verify` proves everything again.
"""

import mmap
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from runtime.artifact.layout import check_name
from runtime.artifact.manifest import Manifest, manifest_of
from runtime.artifact.strict_json import read as read_json
from runtime.registry.record import Record
from runtime.registry.refusals import NotInstalled, StoreChanged

_WORTH_THREADS = 1024 * 1024  # bytes


@dataclass(frozen=True)
class Installed:
    """One version in the store. `trust` is what its signatures are worth today: trusted, first-use, unsigned, revoked
    or no longer trusted. `fresh`: the call that returned this has just written it."""

    record: Record
    directory: Path
    trust: str
    fresh: bool = False

    @property
    def name(self) -> str:
        """The full name, PUBLISHER/NAME."""
        return self.record.full_name

    @property
    def version(self) -> str:
        return self.record.version

    @property
    def id(self) -> str:
        """The package id: SHA-256 of the release statement."""
        return self.record.id

    @property
    def reference(self) -> str:
        return f"{self.name}@{self.version}"

    @cached_property
    def manifest(self) -> Manifest:
        """Checked against its schema when it was installed."""
        return manifest_of(read_json(bytes(self.open("manifest.json")), f"the manifest of {self.reference}"))

    @property
    def requires(self) -> Mapping[str, str]:
        """Full name -> range of versions."""
        noted = self.record.requires
        return self.manifest.requires if noted is None else noted

    @property
    def conflicts(self) -> Mapping[str, str]:
        noted = self.record.conflicts
        return self.manifest.conflicts if noted is None else noted

    @property
    def variants(self) -> Mapping[str, Path]:
        """Base -> the folder of that variant, for the variants that are installed."""
        return {base: self.directory / "variants" / base for base in self.record.variants}

    def path(self, member: str) -> Path:
        """Where a member lies. Reading it there skips the check that `open` makes."""
        check_name(member)
        if member not in self.record.members:
            raise NotInstalled(f"{self.reference} has no member {member}.")
        return self.directory / member

    def open(self, member: str, *, hashed: bool = True) -> memoryview:
        """A member, mapped privately, if it is still the file that was verified.

        Size and modification time are always compared; `hashed=False` leaves out BLAKE3, which costs about 1.4 ms for
        10 MB.
        """
        path = self.path(member)
        known = self.record.members[member]
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            raise self._changed(member, error.strerror or "unreadable") from None
        try:
            status = os.fstat(descriptor)
            if status.st_size != known.size:
                raise self._changed(member, f"{status.st_size} bytes instead of {known.size}")
            if status.st_mtime_ns != known.mtime_ns:
                raise self._changed(member, "another modification time")
            mapped = mmap.mmap(descriptor, 0, access=mmap.ACCESS_COPY) if known.size else b""
        finally:
            os.close(descriptor)
        view = memoryview(mapped)
        if hashed and _blake3(view) != known.blake3:
            raise self._changed(member, "another content")
        return view

    def _changed(self, member: str, how: str) -> StoreChanged:
        return StoreChanged(
            f"The file {member} of {self.reference} is not the one that was verified: {how}.",
            where=str(self.directory),
            hint=f"See: expertbuild verify {self.reference}",
        )


def _blake3(data: memoryview) -> str:
    from blake3 import blake3

    # Several threads for what takes milliseconds; they wait for each other at the end of this line.
    return blake3(data, max_threads=blake3.AUTO if len(data) > _WORTH_THREADS else 1).hexdigest()
