"""Reading an older package, a tar.gz, with the suspicion that our own container gets.

Python's tarfile follows what headers say; this reader takes plain files with plain names and refuses the rest by name:
links, devices, sparse files, headers that rename or resize other members, a name twice, bytes that belong to nothing.
Everything is streamed: sizes are checked against caps before a byte of a payload is read, what is decompressed is counted
as it comes, and nothing is written but the one member that is asked for, under a name of ours.
"""

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from runtime.artifact.layout import LONGEST_NAME, MOST_MEMBERS, check_name, check_names
from runtime.artifact.refusals import (
    BadMemberName,
    BeyondCap,
    ChecksumWrong,
    ConfusableMembers,
    ContainerRefused,
    DuplicateMember,
    HeadersDisagree,
    NotAContainer,
    NotAPlainFile,
    StrayBytes,
    Truncated,
    UnsupportedFeature,
)

BLOCK = 512
CHUNK = 1024 * 1024
LARGEST_MEMBER = 2**31  # the adapters of bases of this class are some tens of megabytes
LARGEST_ARCHIVE = 2**32  # decompressed, all in all
_EXTENDED_CAP = 64 * 1024
_FREE = 16 * CHUNK  # that much may come out of anything
_RATIO = 100  # tensors shrink to a half at best, text to a tenth; 100 MB out of 97 kB is a bomb

_GZIP = b"\x1f\x8b"
_OCTAL = re.compile(rb" *[0-7]+[ \0]*")
_LINKS = {b"1": "a hard link", b"2": "a symbolic link", b"3": "a device", b"4": "a device", b"6": "a pipe"}
_TRICKS = {b"L": "a GNU long name", b"K": "a GNU long link", b"S": "a sparse file", b"D": "a GNU directory dump",
           b"M": "a continuation of another archive", b"V": "a volume label", b"7": "a contiguous file"}  # fmt: skip
# What an extended header may say: nothing that changes what the plain header means.
_HARMLESS = re.compile(r"mtime|atime|ctime|uid|gid|uname|gname|comment|(SCHILY|LIBARCHIVE)\.xattr\..+|LIBARCHIVE\.creationtime")  # fmt: skip


@dataclass(frozen=True)
class Member:
    """One plain file of the archive. Its chunks can be read once, before the next member is asked for."""

    name: str
    size: int
    chunks: Iterator[bytes]


def is_archive(path: Path) -> bool:
    with open(path, "rb") as file:
        return file.read(2) == _GZIP


def members(file: BinaryIO) -> Iterator[Member]:
    """The plain files of an archive, in its order; what is left unread is skipped. Runs to the very end, or refuses."""
    file.seek(0)
    stream = _Stream(file)
    names: list[str] = []
    folders: set[str] = set()
    extended = ""
    count = 0
    while True:
        header = stream.block("a header")
        if not any(header):
            break
        count += 1
        if count > 2 * MOST_MEMBERS:
            raise BeyondCap(f"The archive has more than {2 * MOST_MEMBERS:,} records.")
        kind, name, size = _header(header)
        if kind in (b"x", b"g"):
            if extended:
                raise UnsupportedFeature("The archive has two extended headers in a row.")
            _extended(b"".join(stream.payload(size, _EXTENDED_CAP, "an extended header")))
            extended = "" if kind == b"g" else name
            continue
        extended = ""
        if kind == b"5":
            if size:
                raise HeadersDisagree(f"The folder {name} declares {size:,} bytes.")
            if name:
                check_name(name)
                folders.add(name)
            continue
        if len(names) == MOST_MEMBERS:
            raise BeyondCap(f"The archive has more than {MOST_MEMBERS:,} files.")
        check_name(name)
        if name in names:
            raise DuplicateMember(f"The member {name} occurs twice.")
        names.append(name)
        payload = stream.payload(size, LARGEST_MEMBER, f"the member {name}")
        yield Member(name, size, payload)
        for _ in payload:
            pass
    if extended:
        raise Truncated("The archive ends after an extended header.")
    stream.expect_end()
    check_names(names)
    for name in names:
        if name in folders:
            raise ConfusableMembers(f"{name} is both a file and a folder.")


def _header(block: bytes) -> tuple[bytes, str, int]:
    """Kind, name and size of a record; whatever is not a plain file or a folder is refused here."""
    if block[257:263] not in (b"ustar\0", b"ustar "):
        raise NotAContainer("The file is not a tar archive of a kind that is read (ustar).")
    if _number(block[148:156], "checksum") != sum(block[:148]) + 8 * 32 + sum(block[156:]):
        raise ChecksumWrong("A header of the archive is damaged: its checksum does not fit.")
    kind = block[156:157]
    name = _name(block)
    size = _number(block[124:136], f"size of {name!r}")
    if kind in (b"x", b"g"):
        return kind, name, size
    if kind in _LINKS:
        raise NotAPlainFile(f"The member {name!r} is {_LINKS[kind]}, not a plain file.")
    if kind not in (b"0", b"\0", b"5"):
        raise UnsupportedFeature(f"The member {name!r} is {_TRICKS.get(kind, f'of the unknown kind {kind!r}')}.")
    if any(block[157:257]):
        raise NotAPlainFile(f"The member {name!r} names something that it links to.")
    is_folder = kind == b"5" or name.endswith("/")
    if not is_folder and _number(block[100:108], f"mode of {name!r}") & 0o7000:
        raise NotAPlainFile(f"The member {name!r} asks for special permissions.")
    if name.endswith("/") and kind != b"5":
        raise NotAPlainFile(f"The member {name!r} is named like a folder.")
    return (b"5" if is_folder else b"0"), _relative(name), size


def _name(block: bytes) -> str:
    field, prefix = _text(block[:100]), b""
    if block[257:265] == b"ustar\x0000":
        prefix = _text(block[345:500])
    raw = prefix + b"/" + field if prefix else field
    try:
        name = raw.decode("ascii")
    except UnicodeDecodeError:
        raise BadMemberName(f"The member name {raw[:LONGEST_NAME]!r} is not ASCII.") from None
    return name


def _text(field: bytes) -> bytes:
    text, _, rest = field.partition(b"\0")
    if any(rest):
        raise BadMemberName(f"The member name {text[:LONGEST_NAME]!r} goes on after a NUL.")
    return text


def _relative(name: str) -> str:
    """`./a` is how tar writes `a` when it packs the folder it stands in; nothing else is rewritten."""
    return "" if name in (".", "./") else name.removeprefix("./").removesuffix("/")


def _number(field: bytes, what: str) -> int:
    if not _OCTAL.fullmatch(field):
        raise UnsupportedFeature(f"The {what} is not written as plain octal digits.")
    return int(field.rstrip(b" \0"), 8)


def _extended(data: bytes) -> None:
    """A pax header: lines of `length key=value`. Whatever could rename, resize or relink a member is refused."""
    position = 0
    while position < len(data):
        found = re.match(rb"([1-9][0-9]{0,5}) ([^=\n]+)=", data[position:])
        length = int(found[1]) if found else 0
        line = data[position : position + length]
        if found is None or len(line) < length or length <= found.end() or not line.endswith(b"\n"):
            raise HeadersDisagree("An extended header of the archive is malformed.")
        key = found[2].decode("utf-8", "replace")
        if not _HARMLESS.fullmatch(key):
            raise UnsupportedFeature(f"An extended header of the archive sets {key[:80]!r}.")
        position += length


class _Stream:
    """What comes out of the gzip file, counted."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._gzip = zlib.decompressobj(wbits=31)
        self._left = bytearray()
        self._in = self._out = 0

    def block(self, what: str) -> bytes:
        return self._take(BLOCK, what)

    def payload(self, size: int, cap: int, what: str) -> Iterator[bytes]:
        """A payload in pieces, and the empty bytes after it. The cap is looked at before the first is read."""
        if size > cap:
            raise BeyondCap(f"{what[:1].upper()}{what[1:]} declares {size:,} bytes; at most {cap:,} are read.")
        return self._pieces(size, what)

    def _pieces(self, size: int, what: str) -> Iterator[bytes]:
        left = size
        while left:
            piece = self._take(min(left, CHUNK), what)
            left -= len(piece)
            yield piece
        if any(self._take(-size % BLOCK, what)):
            raise StrayBytes(f"There are bytes between {what} and the next.")

    def expect_end(self) -> None:
        """After the first empty block: at least one more, nothing else, and the end of the gzip file."""
        if any(self.block("the end of the archive")):
            raise StrayBytes("The archive goes on after an empty header.")
        while piece := self._some(CHUNK):
            if any(piece):
                raise StrayBytes("There are bytes after the end of the archive.")
        if not self._gzip.eof:
            raise Truncated("The archive is cut short.")
        if self._gzip.unused_data or self._file.read(1):
            raise StrayBytes("There are bytes after the end of the compressed archive.")

    def _take(self, size: int, what: str) -> bytes:
        while len(self._left) < size:
            piece = self._decompressed()
            if not piece:
                raise Truncated(f"The archive is cut short in {what}.")
            self._left += piece
        taken = bytes(self._left[:size])
        del self._left[:size]
        return taken

    def _some(self, most: int) -> bytes:
        if not self._left:
            self._left += self._decompressed()
        return self._take(min(most, len(self._left)), "its end")

    def _decompressed(self) -> bytes:
        """The next piece, or nothing where the compressed data ends."""
        while not self._gzip.eof:
            data = self._gzip.unconsumed_tail or self._file.read(CHUNK // 16)
            if not data:
                return b""
            self._in += 0 if self._gzip.unconsumed_tail else len(data)
            try:
                piece = self._gzip.decompress(data, CHUNK)
            except zlib.error as error:
                raise ContainerRefused(f"The compressed archive is damaged ({error}).") from None
            self._out += len(piece)
            self._check_volume()
            if piece:
                return piece
        return b""

    def _check_volume(self) -> None:
        if self._out > LARGEST_ARCHIVE:
            raise BeyondCap(f"The archive decompresses to more than {LARGEST_ARCHIVE:,} bytes.")
        if self._out > _FREE and self._out > _RATIO * self._in:
            raise BeyondCap(f"{self._in:,} bytes of the archive become {self._out:,}: more than any package needs.")
