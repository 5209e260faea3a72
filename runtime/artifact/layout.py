"""The bytes between the payloads: the strict profile of ZIP, in one place for the writer and the reader.

Given the names, sizes and checksums of the members, every other byte of a container follows: that is what lets the
reader demand exactly the bytes that the writer would make. Members are stored, sorted by name, stamped 1980-01-01, and
their payloads begin at multiples of 64 bytes, so that tensors can be used where the file is mapped. The padding stands
in the extra field that Android's zipalign introduced (0xD935), which every unzip skips.
"""

import re
import struct
from dataclasses import dataclass

from runtime.artifact.refusals import (
    BadMemberName,
    BeyondCap,
    ConfusableMembers,
    DuplicateMember,
)

ALIGNMENT = 64
MOST_MEMBERS = 1024
LONGEST_NAME = 200
LARGEST = 0xFFFFFFFE  # one less than what ZIP64 uses as its mark, for a member and for the file

LOCAL = struct.Struct("<4s5H3I2H")
CENTRAL = struct.Struct("<4s6H3I5H2I")
END = struct.Struct("<4s4H2IH")
LOCAL_MARK, CENTRAL_MARK, END_MARK = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
VERSION = 10
MIDNIGHT, NEW_YEAR_1980 = 0, 0x21
_PADDING = struct.Struct("<3H")
_PADDING_ID = 0xD935

_SEGMENT = re.compile(r"[A-Za-z0-9._+-]+")
_DEVICES = {"con", "prn", "aux", "nul"} | {f"{port}{n}" for port in ("com", "lpt") for n in range(10)}  # fmt: skip


@dataclass(frozen=True)
class Placed:
    """A member where it stands: `offset` is that of its own header, `begin` that of its payload."""

    name: str
    crc: int
    size: int
    offset: int

    @property
    def begin(self) -> int:
        return self.offset + len(local_header(self))

    @property
    def end(self) -> int:
        return self.begin + self.size


def local_header(member: Placed) -> bytes:
    name = member.name.encode("ascii")
    unpadded = member.offset + LOCAL.size + len(name) + _PADDING.size
    padding = bytes(-unpadded % ALIGNMENT)
    extra = _PADDING.pack(_PADDING_ID, 2 + len(padding), ALIGNMENT) + padding
    return (
        LOCAL.pack(
            LOCAL_MARK, VERSION, 0, 0, MIDNIGHT, NEW_YEAR_1980,
            member.crc, member.size, member.size, len(name), len(extra),
        )
        + name
        + extra
    )  # fmt: skip


def central_record(member: Placed) -> bytes:
    name = member.name.encode("ascii")
    return (
        CENTRAL.pack(
            CENTRAL_MARK, VERSION, VERSION, 0, 0, MIDNIGHT, NEW_YEAR_1980,
            member.crc, member.size, member.size, len(name), 0, 0, 0, 0, 0, member.offset,
        )
        + name
    )  # fmt: skip


def end_record(members: int, size: int, offset: int) -> bytes:
    return END.pack(END_MARK, 0, 0, members, members, size, offset, 0)


def check_names(names: list[str]) -> None:
    """Refuse names that are not the same plain relative path everywhere, alone or beside each other."""
    if len(names) > MOST_MEMBERS:
        raise BeyondCap(f"There are {len(names):,} members; at most {MOST_MEMBERS:,} are allowed.")
    seen: dict[str, str] = {}
    for name in names:
        check_name(name)
        folded = name.lower()
        if seen.get(folded) == name:
            raise DuplicateMember(f"The member {name} occurs twice.")
        if folded in seen:
            raise ConfusableMembers(f"{seen[folded]} and {name} differ only in case.")
        seen[folded] = name
    for folded, name in seen.items():
        parts = folded.split("/")
        for depth in range(1, len(parts)):
            folder = "/".join(parts[:depth])
            if folder in seen:
                raise ConfusableMembers(f"{seen[folder]} is a file and also the folder of {name}.")


def check_name(name: str) -> None:
    """One name: ASCII letters, digits and `._+-` between slashes, and nothing that some system reads otherwise."""
    if len(name) > LONGEST_NAME:
        raise BeyondCap(f"The member name {name[:40]}... has {len(name)} characters; at most {LONGEST_NAME} are allowed.")  # fmt: skip
    for segment in name.split("/"):
        if not _SEGMENT.fullmatch(segment):
            raise BadMemberName(f"The member name {name!r} is not a plain relative path in ASCII.")
        if segment.endswith("."):
            raise BadMemberName(f"The member name {name!r} has a part that ends in a dot.")
        if segment.split(".")[0].lower() in _DEVICES:
            raise BadMemberName(f"The member name {name!r} is a device on some systems.")
