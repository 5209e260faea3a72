"""Reading the directory of a container with suspicion.

Two layers. The specific checks find what is wrong and say it: a prefix, a link, a compressed member, two end records.
Then the general one: every header is compared with the bytes that `layout` makes from the names, sizes and checksums,
so that nothing the specific checks forgot is accepted either. No payload is read.
"""

import mmap
import stat

from runtime.artifact import layout
from runtime.artifact.layout import CENTRAL, END, LOCAL, Placed
from runtime.artifact.refusals import (
    BadMemberName,
    BeyondCap,
    Compressed,
    HeadersDisagree,
    NotAContainer,
    NotAPlainFile,
    NotCanonical,
    Overlap,
    SecondEnd,
    StrayBytes,
    Truncated,
    UnsupportedFeature,
)

_FLAGS = {
    0x0001: "encryption",
    0x0008: "a data descriptor",
    0x0040: "strong encryption",
    0x2000: "a masked header",
}
_LOCAL_FIELDS = ("mark", "version", "flags", "method", "time", "date", "checksum", "packed size", "size", "name length", "extra length")  # fmt: skip
_FURTHEST_COMMENT = 0xFFFF


def read_directory(data: mmap.mmap) -> list[Placed]:
    """The members of a container, or a refusal that says what is wrong with it."""
    count, begin, end = _read_end(data)
    members = _read_records(data, count, begin, end)
    layout.check_names([member.name for member in members])
    _check_places(members, begin)
    for member in members:
        _check_local_header(data, member)
    ordered = sorted(members, key=lambda member: member.name)
    if members != ordered:
        raise NotCanonical("The members are not sorted by name.")
    expected = b"".join(map(layout.central_record, members))
    if data[begin:end] != expected:
        raise NotCanonical("The directory is not written as we write it.")
    if data[end:] != layout.end_record(len(members), len(expected), begin):
        raise NotCanonical("The end record is not written as we write it.")
    return members


def _read_end(data: mmap.mmap) -> tuple[int, int, int]:
    """Where the directory is: it must end where the last 22 bytes begin, and those must be the only end record."""
    end = len(data) - END.size
    mark, disk, first_disk, here, count, size, offset, comment = END.unpack(data[end:])
    if mark != layout.END_MARK:
        _explain_missing_end(data, end)
    if comment:
        raise StrayBytes("The container announces a comment, or bytes after its end.")
    if 0xFFFF in (here, count) or 0xFFFFFFFF in (size, offset):
        raise UnsupportedFeature("The container uses ZIP64.")
    if disk or first_disk or here != count:
        raise UnsupportedFeature("The container is spread over several files.")
    if count > layout.MOST_MEMBERS:
        raise BeyondCap(f"The container declares {count:,} members; at most {layout.MOST_MEMBERS:,} are allowed.")
    if not count:
        raise NotAContainer("The container is empty.")
    if offset + size > end:
        raise Truncated("The directory reaches beyond the end of the file.")
    if offset + size < end:
        between = data[offset + size : end]
        if layout.END_MARK in between:
            raise SecondEnd("The container has two end records.")
        raise StrayBytes(
            f"There are {len(between)} bytes between the directory and the end, or before the first member."
        )
    return count, offset, end


def _explain_missing_end(data: mmap.mmap, end: int) -> None:
    found = data.rfind(layout.END_MARK, max(0, end - _FURTHEST_COMMENT), end + 3)
    if found >= 0:
        raise StrayBytes(f"There are {end - found} bytes after the end of the container.")
    if data[:4] == layout.LOCAL_MARK:
        raise Truncated("The container has no end: it is cut short.")
    raise NotAContainer("The file is not a package.")


def _read_records(data: mmap.mmap, count: int, begin: int, end: int) -> list[Placed]:
    members = []
    position = begin
    for _ in range(count):
        if position + CENTRAL.size > end:
            raise Truncated("The directory ends before its last record.")
        (
            mark, _made, _needed, flags, method, _time, _date, crc, packed, size,
            name_length, extra, comment, disk, _internal, attributes, offset,
        ) = CENTRAL.unpack(data[position : position + CENTRAL.size])  # fmt: skip
        if mark != layout.CENTRAL_MARK:
            raise NotCanonical(f"The directory has no record at byte {position}.")
        position += CENTRAL.size
        if name_length > layout.LONGEST_NAME or position + name_length > end:
            raise BeyondCap(f"A member name has {name_length} bytes; at most {layout.LONGEST_NAME} are allowed.")
        name = _name(data[position : position + name_length])
        position += name_length
        _check_features(name, flags, method, disk, packed, size, offset)
        _check_plain(name, attributes)
        if extra or comment:
            raise StrayBytes(f"The directory has bytes after the name {name}: an extra field or a comment.")
        if packed != size:
            raise HeadersDisagree(f"The member {name} is stored but has two sizes, {packed} and {size}.")
        members.append(Placed(name, crc, size, offset))
    if position != end:
        raise StrayBytes(f"There are {end - position} bytes after the last record of the directory.")
    return members


def _name(raw: bytes) -> str:
    try:
        return raw.decode("ascii")
    except UnicodeDecodeError:
        raise BadMemberName(f"The member name {raw!r} is not ASCII.") from None


def _check_features(name: str, flags: int, method: int, disk: int, packed: int, size: int, offset: int) -> None:
    for bit, feature in _FLAGS.items():
        if flags & bit:
            raise UnsupportedFeature(f"The member {name} uses {feature}.")
    if flags:
        raise UnsupportedFeature(f"The member {name} sets the flags {flags:#06x}.")
    if method:
        raise Compressed(f"The member {name} is compressed (method {method}); members are stored as they are.")
    if 0xFFFFFFFF in (packed, size, offset) or disk:
        raise UnsupportedFeature(f"The member {name} uses ZIP64 or another disk.")


def _check_plain(name: str, attributes: int) -> None:
    mode = attributes >> 16
    if name.endswith("/") or attributes & 0x10 or stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        kind = "a link" if stat.S_ISLNK(mode) else "a folder or a device"
        raise NotAPlainFile(f"The member {name} is {kind}, not a plain file.")
    if mode & (stat.S_ISUID | stat.S_ISGID | stat.S_ISVTX):
        raise NotAPlainFile(f"The member {name} asks for special permissions.")


def _check_places(members: list[Placed], directory: int) -> None:
    position = 0
    for member in sorted(members, key=lambda member: member.offset):
        if member.offset < position:
            raise Overlap(f"The member {member.name} overlaps the one before it.")
        if member.offset > position:
            raise StrayBytes(f"There are {member.offset - position} bytes before the member {member.name}.")
        position = member.end
        if position > directory:
            raise Overlap(f"The member {member.name} reaches into the directory.")
    if position != directory:
        raise StrayBytes(f"There are {directory - position} bytes after the last member.")


def _check_local_header(data: mmap.mmap, member: Placed) -> None:
    expected = layout.local_header(member)
    found = data[member.offset : member.offset + len(expected)]
    if found == expected:
        return
    theirs, ours = (
        LOCAL.unpack(found[: LOCAL.size]),
        LOCAL.unpack(expected[: LOCAL.size]),
    )
    for field, their, our in zip(_LOCAL_FIELDS, theirs, ours, strict=True):
        if their != our:
            raise HeadersDisagree(f"The header of {member.name} has another {field} than its place asks for.")
    name_end = LOCAL.size + len(member.name)
    if found[LOCAL.size : name_end] != expected[LOCAL.size : name_end]:
        raise HeadersDisagree(f"The header of {member.name} has another name than the directory.")
    raise StrayBytes(f"The padding before {member.name} is not empty.")
