"""The container of a `.expert` file: our own writer and reader of a strict profile of ZIP.

`unzip` and Python's zipfile can list what is written here, but are not used to read: a general reader accepts what we
must refuse. This reader parses the bytes itself, allocates nothing on the word of a header, and accepts a file only if
the writer would make the same bytes from the same members. Payloads are not looked at when a container is opened; `read`
and `chunks` check the CRC-32 as they go. What the members mean, and whether anybody vouches for them, is not known here.
"""

import mmap
import os
import secrets
import stat
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from runtime.artifact import layout
from runtime.artifact.directory import read_directory
from runtime.artifact.layout import Placed
from runtime.artifact.refusals import (
    BeyondCap,
    ChecksumWrong,
    ContainerRefused,
    Truncated,
)
from runtime.errors import Mistake, Problem

CHUNK = 1024 * 1024
Content = bytes | memoryview | Path


def write_container(path: Path, members: Mapping[str, Content]) -> None:
    """Write members (bytes, views, or files that are copied in a stream) as one file. All or nothing: the file appears whole."""
    names = sorted(members)  # ASCII, so this is the order of the bytes
    layout.check_names(names)
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    try:
        with open(partial, "xb") as out:
            _write(out, [(name, members[name]) for name in names])
            out.flush()
            os.fsync(out.fileno())
        os.replace(partial, path)
        sync_folder(path.parent)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise Problem(f"The package could not be written: {error.strerror}.", where=str(path)) from error
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _write(out: BinaryIO, members: list[tuple[str, Content]]) -> None:
    placed: list[Placed] = []
    offset = 0
    for name, source in members:
        blank = Placed(name, 0, 0, offset)
        out.write(layout.local_header(blank))
        crc = size = 0
        for chunk in content_chunks(source):
            crc = zlib.crc32(chunk, crc)
            size += len(chunk)
            _check_size(name, blank.begin + size)
            out.write(chunk)
        member = Placed(name, crc, size, offset)
        out.seek(offset)
        out.write(layout.local_header(member))  # as long as the blank one
        out.seek(member.end)
        placed.append(member)
        offset = member.end
    directory = b"".join(map(layout.central_record, placed))
    _check_size("the directory", offset + len(directory) + layout.END.size)
    out.write(directory + layout.end_record(len(placed), len(directory), offset))


def _check_size(name: str, end: int) -> None:
    if end > layout.LARGEST:
        raise BeyondCap(f"With {name} the container would exceed {layout.LARGEST:,} bytes.")


def content_chunks(source: Content) -> Iterator[bytes | memoryview]:
    """The bytes of something to be written: itself, or a file in pieces."""
    if isinstance(source, Path):
        with open(source, "rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk
    else:
        yield source


def sync_folder(folder: Path) -> None:
    """Make a rename in this folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Container:
    """An open container, mapped. Views stay valid after `close` for as long as somebody holds them.

    The map is private: writing into a view by accident changes neither the file nor another process.
    """

    def __init__(self, path: Path, mapped: mmap.mmap) -> None:
        self.path = path
        self._map = mapped
        self._members = {member.name: member for member in read_directory(mapped)}

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._members)

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def size(self, name: str) -> int:
        return self._members[name].size

    def view(self, name: str) -> memoryview:
        """The payload where it is mapped; nothing is copied and nothing is checked."""
        member = self._members[name]
        return memoryview(self._map)[member.begin : member.end]

    def chunks(self, name: str) -> Iterator[bytes]:
        """The payload in pieces that can no longer change; the last step compares the CRC-32."""
        member = self._members[name]
        crc = 0
        for begin in range(member.begin, member.end, CHUNK):
            piece = self._map[begin : min(begin + CHUNK, member.end)]
            crc = zlib.crc32(piece, crc)
            yield piece
        if crc != member.crc:
            raise ChecksumWrong(f"The member {name} is damaged: its checksum does not fit.")

    def check(self, name: str) -> None:
        """Compare the payload with its CRC-32, where it is mapped."""
        if zlib.crc32(self.view(name)) != self._members[name].crc:
            raise ChecksumWrong(f"The member {name} is damaged: its checksum does not fit.")

    def read(self, name: str, *, cap: int = layout.LARGEST) -> bytes:
        """A copy of the payload, of at most `cap` bytes."""
        if self.size(name) > cap:
            raise BeyondCap(f"The member {name} has {self.size(name):,} bytes; at most {cap:,} are read.")
        return b"".join(self.chunks(name))

    def close(self) -> None:
        with suppress(BufferError):  # somebody holds a view: the map goes with the last one
            self._map.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def open_container(path: Path) -> Container:
    """Open and check everything but the payloads."""
    mapped = _map(path)
    try:
        return Container(path, mapped)
    except BaseException as error:
        mapped.close()
        if isinstance(error, ContainerRefused):
            error.where = str(path)
        raise


def _map(path: Path) -> mmap.mmap:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise Mistake("That is not a file.", where=str(path))
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size < layout.END.size:
                raise Truncated(
                    f"The file has {size} bytes, too few for a package.",
                    where=str(path),
                )
            if size > layout.LARGEST:
                raise BeyondCap(
                    f"The file has {size:,} bytes; at most {layout.LARGEST:,} are read.",
                    where=str(path),
                )
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    except OSError as error:
        raise Mistake(f"The file can not be read: {error.strerror}.", where=str(path)) from None
