"""The header of a safetensors file: written in one way, read with suspicion.

The safetensors library orders metadata at random and accepts a name twice; a signed file can afford neither. Here the
header is strict JSON, the tensors follow each other without gap or overlap, each aligned to its element size, and the
data begins at a multiple of 64 bytes so that it can be used where it is mapped. Values are not looked at: this module
handles bytes and shapes and imports no tensor library.
"""

from collections.abc import Iterable, Mapping
from math import prod
from typing import Any, NamedTuple

from runtime.artifact.refusals import BadJson, BadTensors
from runtime.artifact.strict_json import canonical, read_mostly_canonical

Buffer = bytes | bytearray | memoryview

ALIGNMENT = 64
HEADER_CAP = 16 * 1024 * 1024
MOST_TENSORS = 100_000
SIZES = {
    "F64": 8,
    "I64": 8,
    "F32": 4,
    "I32": 4,
    "BF16": 2,
    "F16": 2,
    "I16": 2,
    "I8": 1,
    "U8": 1,
    "BOOL": 1,
}
_LARGEST = 2**40


class Entry(NamedTuple):
    """One tensor: where its bytes are, counted from the beginning of the file."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


def write_tensors(
    tensors: Iterable[tuple[str, str, tuple[int, ...], bytes]],
    metadata: Mapping[str, str],
) -> bytes:
    """A safetensors file of (name, dtype, shape, little-endian bytes): the same for the same content."""
    ordered = sorted(tensors, key=lambda tensor: (-SIZES[tensor[1]], tensor[0]))
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    offset = 0
    for name, dtype, shape, data in ordered:
        if name in header:
            raise BadTensors(f"The tensor {name!r} is given twice.")
        if len(data) != prod(shape) * SIZES[dtype]:
            raise BadTensors(f"The tensor {name!r} has {len(data)} bytes, which is not {shape} of {dtype}.")
        header[name] = {
            "dtype": dtype,
            "shape": list(shape),
            "data_offsets": [offset, offset + len(data)],
        }
        offset += len(data)
    text = canonical(header)
    text += b" " * (-(8 + len(text)) % ALIGNMENT)
    return b"".join([len(text).to_bytes(8, "little"), text, *(data for *_, data in ordered)])


def read_header(data: Buffer, what: str) -> tuple[dict[str, Entry], dict[str, str]]:
    """The tensors of a file and its metadata; `what` names the file in refusals."""
    if len(data) < 8:
        raise BadTensors(f"{what} is too short for a safetensors file.")
    length = int.from_bytes(data[:8], "little")
    if length > min(HEADER_CAP, len(data) - 8):
        raise BadTensors(f"{what} declares a header of {length:,} bytes.")
    try:
        text = bytes(data[8 : 8 + length]).rstrip(b" ")
        header = read_mostly_canonical(text, f"the header of {what}", cap=HEADER_CAP)
    except BadJson as error:
        raise BadTensors(error.what) from None
    if not isinstance(header, dict) or len(header) > MOST_TENSORS:
        raise BadTensors(f"The header of {what} is not a table of at most {MOST_TENSORS:,} tensors.")
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise BadTensors(f"The metadata of {what} must be text.")
    entries = {name: _entry(name, value, 8 + length, what) for name, value in header.items()}
    _check_places(
        sorted(entries.values(), key=lambda e: (e.begin, e.end)),
        8 + length,
        len(data),
        what,
    )
    return entries, metadata


def _entry(name: str, value: Any, start: int, what: str) -> Entry:
    fields = value if type(value) is dict else {}
    dtype, shape, offsets = fields.get("dtype"), fields.get("shape"), fields.get("data_offsets")
    if type(dtype) is not str or type(shape) is not list or type(offsets) is not list or len(offsets) != 2:
        raise BadTensors(f"{what}: the tensor {name!r} needs dtype, shape and data_offsets.")
    if len(fields) != 3:
        unknown = next(field for field in fields if field not in ("dtype", "shape", "data_offsets"))
        raise BadTensors(f"{what}: the tensor {name!r} has an unknown field {unknown!r}.")
    begin, end = offsets
    if dtype not in SIZES:
        raise BadTensors(f"{what}: the tensor {name!r} has the unknown dtype {dtype!r}.")
    if len(shape) > 8:
        raise BadTensors(f"{what}: the tensor {name!r} has {len(shape)} dimensions; at most 8 are read.")
    size = 1
    for number in shape:
        if type(number) is not int or not 0 <= number < _LARGEST:
            raise BadTensors(f"{what}: the tensor {name!r} has the impossible shape {str(shape)[:120]}.")
        size *= number or 1
    if size >= _LARGEST:  # a zero beside huge numbers: no bytes, and strides beyond 64 bits
        raise BadTensors(f"{what}: the tensor {name!r} has the impossible shape {str(shape)[:120]}.")
    if type(begin) is not int or type(end) is not int or not 0 <= begin <= end:
        raise BadTensors(f"{what}: the tensor {name!r} has impossible offsets.")
    if end - begin != prod(shape) * SIZES[dtype]:
        raise BadTensors(f"{what}: the tensor {name!r} has {end - begin} bytes, which is not {shape} of {dtype}.")
    return Entry(name, dtype, tuple(shape), start + begin, start + end)


def _check_places(entries: list[Entry], start: int, length: int, what: str) -> None:
    position = start
    for entry in entries:
        if entry.begin < position:
            raise BadTensors(f"{what}: the tensor {entry.name!r} overlaps the one before it.")
        if entry.begin > position:
            raise BadTensors(f"{what}: there is a gap before the tensor {entry.name!r}.")
        if entry.begin % SIZES[entry.dtype]:
            raise BadTensors(f"{what}: the tensor {entry.name!r} is not aligned to its elements.")
        position = entry.end
    if position != length:
        raise BadTensors(f"{what} has {length} bytes where its tensors end at {position}.")
