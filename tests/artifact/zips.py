"""Containers made by hand, so that one field at a time can be wrong."""

import zlib
from dataclasses import dataclass, replace

from runtime.artifact import layout
from runtime.artifact.layout import Placed

SMALL = {"a.txt": b"alpha", "b/c.json": b"{}", "d.bin": bytes(100)}


@dataclass(frozen=True)
class Shape:
    """What goes into one member's two headers. None means: as it should be."""

    name: bytes
    data: bytes
    flags: int = 0
    method: int = 0
    attributes: int = 0
    crc: int | None = None
    size: int | None = None
    packed: int | None = None
    offset: int | None = None
    central_extra: bytes = b""
    central_comment: bytes = b""
    local: tuple[tuple[int, object], ...] = ()  # (index of a field, another value) for the local header alone
    local_name: bytes | None = None
    gap: bytes = b""  # bytes before this member


def shapes(members=None):
    return [Shape(name.encode(), data) for name, data in sorted((members or SMALL).items())]


def build(
    members,
    *,
    prefix=b"",
    before_directory=b"",
    after_directory=b"",
    trailer=b"",
    end=None,
    shift=0,
):
    """The bytes of a container of these shapes. `end` replaces fields of the end record by index."""
    out = bytearray(prefix)
    directory = bytearray()
    for shape in members:
        out += shape.gap
        offset = len(out)
        crc = zlib.crc32(shape.data) if shape.crc is None else shape.crc
        size = len(shape.data) if shape.size is None else shape.size
        packed = size if shape.packed is None else shape.packed
        local_name = shape.name if shape.local_name is None else shape.local_name
        placed = Placed("x" * len(local_name), 0, 0, offset)
        extra = layout.local_header(placed)[layout.LOCAL.size + len(local_name) :]
        fields = [
            layout.LOCAL_MARK, layout.VERSION, shape.flags, shape.method, 0, 0x21,
            crc, packed, size, len(local_name), len(extra),
        ]  # fmt: skip
        for index, value in shape.local:
            fields[index] = value
        out += layout.LOCAL.pack(*fields) + local_name + extra + shape.data
        directory += layout.CENTRAL.pack(
            layout.CENTRAL_MARK, layout.VERSION, layout.VERSION, shape.flags, shape.method, 0, 0x21,
            crc, packed, size, len(shape.name), len(shape.central_extra), len(shape.central_comment),
            0, 0, shape.attributes, offset + shift if shape.offset is None else shape.offset,
        ) + shape.name + shape.central_extra + shape.central_comment  # fmt: skip
    out += before_directory
    begin = len(out)
    fields = [
        layout.END_MARK,
        0,
        0,
        len(members),
        len(members),
        len(directory),
        begin + shift,
        0,
    ]
    for index, value in (end or {}).items():
        fields[index] = value
    return bytes(out + directory + after_directory + layout.END.pack(*fields) + trailer)


def changed(index, members=None, **fields):
    """The small container with the member at `index` changed."""
    result = shapes(members)
    result[index] = replace(result[index], **fields)
    return result
