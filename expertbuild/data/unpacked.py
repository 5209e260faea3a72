"""A file as a stream of bytes, unpacked where it is packed, and never more of them than were allowed.

A few kilobytes can unpack to terabytes; what counts is what comes out, whatever the file says of itself.
"""

import bz2
import gzip
import io
import lzma
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from expertbuild.data.errors import SourceMistake

MEGABYTE = 1024 * 1024
MOST = 8192 * MEGABYTE  # that one file may unpack to, where the recipe does not say
_XZ_MEMORY = 256 * MEGABYTE  # a file can ask for 4 GiB to be unpacked with
_PIECE = 64 * 1024
_ZST_WINDOW = 128 * MEGABYTE
_ZST_PIECE = 1024  # four bytes can unpack to 128 KiB, so that this much gives 32 MiB at most


@dataclass(frozen=True)
class File:
    """A file of a source: where it lies, how errors call it, and how much may come out of it."""

    path: Path
    name: str
    most: int = MOST

    @property
    def packed(self) -> str:
        """How it is packed, by its name."""
        return self.path.suffix.lower() if self.path.suffix.lower() in UNPACKERS else ""

    @property
    def format(self) -> str:
        """The form of what is inside, by its name."""
        inner = self.path.with_suffix("") if self.packed else self.path
        return inner.suffix.lstrip(".").lower()

    @contextmanager
    def open(self) -> Iterator[io.BufferedReader]:
        """What is inside, from its beginning."""
        try:
            with self.path.open("rb") as raw:
                stream = UNPACKERS[self.packed](raw) if self.packed else raw
                yield io.BufferedReader(_Capped(stream, self), _PIECE)
        except _broken() as error:
            raise SourceMistake(f"cannot be unpacked: {error}.", where=self.name) from None
        except OSError as error:
            raise SourceMistake(f"cannot be read: {error.strerror or error}.", where=self.name) from None


class _Capped(io.RawIOBase):
    """Counts what comes out."""

    def __init__(self, stream: IO[bytes], file: File) -> None:
        self._stream, self._file, self._left = stream, file, file.most

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._stream.read(len(buffer))
        self._left -= len(data)
        if self._left < 0:
            raise SourceMistake(
                f"has more than {self._file.most // MEGABYTE:,} MB{' unpacked' if self._file.packed else ''}.",
                where=self._file.name,
                hint="If that is right, raise `megabytes` of this source.",
            )
        buffer[: len(data)] = data
        return len(data)


class _Xz(io.RawIOBase):
    """xz, with a limit on the memory that unpacking takes, which the standard library's file does not have."""

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw, self._engine = raw, lzma.LZMADecompressor(memlimit=_XZ_MEMORY)

    def read(self, size: int = -1) -> bytes:
        assert size > 0
        while True:
            if self._engine.eof:
                rest = self._engine.unused_data.lstrip(b"\0") or self._raw.read(_PIECE).lstrip(b"\0")
                if not rest:
                    return b""
                self._engine = lzma.LZMADecompressor(memlimit=_XZ_MEMORY)
            else:
                rest = self._raw.read(_PIECE) if self._engine.needs_input else b""
                if not rest and self._engine.needs_input:
                    raise EOFError("it ends before its end")
            if data := self._engine.decompress(rest, size):
                return data


class _Zstd(io.RawIOBase):
    """zst, frame after frame. The package's own reader takes a file that was cut short for one that ends."""

    def __init__(self, raw: IO[bytes]) -> None:
        try:
            import zstandard
        except ImportError:
            raise SourceMistake("reading zst needs the package zstandard.", hint="pip install zstandard") from None
        self._whole = zstandard.ZstdDecompressor(max_window_size=_ZST_WINDOW)
        self._raw, self._engine = raw, self._whole.decompressobj()
        self._rest, self._out, self._begun = b"", memoryview(b""), False

    def read(self, size: int = -1) -> bytes:
        while not self._out:
            piece = self._rest or self._raw.read(_ZST_PIECE)
            if not piece:
                if self._begun:
                    raise EOFError("it ends before its end")
                return b""
            self._out, self._rest, self._begun = memoryview(self._engine.decompress(piece)), b"", True
            if self._engine.eof:
                self._rest, self._begun = self._engine.unused_data, False
                self._engine = self._whole.decompressobj()
        data, self._out = self._out[:size], self._out[size:]
        return bytes(data)


def _broken() -> tuple[type[Exception], ...]:
    """What the unpackers raise for a file that is not whole."""
    found: tuple[type[Exception], ...] = (gzip.BadGzipFile, EOFError, zlib.error, lzma.LZMAError)
    zstandard = sys.modules.get("zstandard")
    return (*found, zstandard.ZstdError) if zstandard else found


UNPACKERS: Mapping[str, Callable[[IO[bytes]], Any]] = {
    ".gz": lambda raw: gzip.GzipFile(fileobj=raw),
    ".bz2": bz2.BZ2File,
    ".xz": _Xz,
    ".zst": _Zstd,
}
