"""The slot record, the one form into which every adapter type is compiled, as a safetensors file.

For a target linear layer W of the base (DESIGN section 5):

    y = W x' + g_out * (W x') + B (A x') + K(x') + S x'        with x' = g_in * x

A record is read where it lies: its tensors are views of the buffer, so writing into them writes into the buffer, and
they keep it alive; matrices that are stored in fewer bytes (`packing`) are unpacked into tensors of their own. Names,
ranks, agreement of shapes and finite values are checked here; whether the shapes fit a base is the engine's to say. Of
this floor only `slots`, `prompt`, `adapter`, `packing`, `canary` and `mapped` import torch. schemas/slots.schema.json describes the header.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from runtime.artifact.mapped import check_finite, expect_format, packed, views, writable
from runtime.artifact.packing import MOST_NUMBERS, SUFFIXES, pack, unpack, unpacked_size
from runtime.artifact.prompt import SoftPrompt
from runtime.artifact.refusals import BadTensors
from runtime.artifact.tensors import Buffer, read_header, write_tensors

FORMAT = "expert-slots/1"
DTYPES = {"bf16": torch.bfloat16, "fp32": torch.float32}
_FLOATS = ("BF16", "F32")


@dataclass(frozen=True)
class Slot:
    """What one target layer gets. Every part is optional; together they must agree on the layer's shape."""

    a: Tensor | None = None  # [rank, in]
    b: Tensor | None = None  # [out, rank], scale folded in
    g_out: Tensor | None = None  # [out], zero means unchanged
    g_in: Tensor | None = None  # [in], one means unchanged
    k: tuple[Tensor, Tensor] | None = None  # W1, W2 of a Kronecker product
    s: tuple[Tensor, Tensor, Tensor] | None = None  # sparse: rows, columns, values


@dataclass(frozen=True)
class SlotRecord:
    """One compiled adapter: for each module path of the base's state dict ("model.layers.0.self_attn.q_proj") a slot.

    `kind` is for people: execution depends on the parts alone.
    """

    kind: str
    slots: Mapping[str, Slot] = field(default_factory=dict)
    prompt: SoftPrompt | None = None  # in a file of its own (`prompt`)


# The parts of a slot as they are named in the file, and the rank and kind of each.
_PARTS: dict[str, tuple[int, tuple[str, ...]]] = {
    "A": (2, _FLOATS),
    "B": (2, _FLOATS),
    "g_out": (1, _FLOATS),
    "g_in": (1, _FLOATS),
    "K1": (2, _FLOATS),
    "K2": (2, _FLOATS),
    "S.rows": (1, ("I32",)),
    "S.columns": (1, ("I32",)),
    "S.values": (1, _FLOATS),
}
# The matrices that may be packed, and what leads from the name of a tensor to its part: "A.int8" -> "A", "int8".
_PACKED = {f"{part}.{suffix}": (part, suffix) for part in ("A", "B", "K1", "K2") for suffix in SUFFIXES}


def write_slots(record: SlotRecord, dtype: str | torch.dtype = "bf16", *, sparse: bool = False) -> bytes:
    """The file of a record: the same record gives the same bytes.

    `dtype` is "fp32", "bf16" or "int8"; int8 is for matrices, what else there is stays bf16. `sparse` leaves out the
    zeros of A and B.
    """
    int8 = dtype in ("int8", torch.int8)
    number = torch.bfloat16 if int8 else DTYPES[dtype] if isinstance(dtype, str) else dtype
    tensors = []
    for module, slot in record.slots.items():
        _agree(module, slot, "the record to write")
        for part, tensor in _parts(slot):
            for name, stored in _stored(part, tensor.detach().cpu(), number, int8, sparse):
                if stored.is_floating_point() and not torch.isfinite(stored).all():
                    raise BadTensors(f"The tensor {module}.{name} has values that are not finite.")
                tensors.append(packed(f"{module}.{name}", stored))
    return write_tensors(tensors, {"format": FORMAT, "kind": record.kind})


def _stored(part: str, tensor: Tensor, number: torch.dtype, int8: bool, sparse: bool) -> Iterator[tuple[str, Tensor]]:
    """The tensors that one part becomes, by name."""
    if part in ("S.rows", "S.columns"):
        yield part, tensor.to(torch.int32)
    elif f"{part}.int8" in _PACKED and torch.isfinite(tensor).all() and (int8 or (sparse and part in ("A", "B"))):
        for suffix, stored in pack(part, tensor, int8=int8, sparse=sparse and part in ("A", "B")).items():
            yield f"{part}.{suffix}" if suffix else part, stored
    else:
        yield part, tensor.to(number)


def read_slots(buffer: Buffer, what: str = "slots.safetensors") -> SlotRecord:
    """The record in a file, checked by name, rank, shape and value: views of `buffer` where a part is stored whole."""
    buffer = writable(buffer)
    entries, metadata = read_header(buffer, what)
    expect_format(metadata, FORMAT, what)
    tensors = views(buffer, entries, what)
    parts: dict[str, dict[str, Tensor]] = {}
    packed_parts: dict[tuple[str, str], dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        module, part = _split(name, what)
        base, suffix = _PACKED.get(part, (part, ""))
        rank, dtypes = SUFFIXES[suffix] if suffix else _PARTS[part]
        entry = entries[name]  # its shape is a tuple already, which a tensor's is made into
        if len(entry.shape) != rank or entry.dtype not in dtypes:
            raise BadTensors(f"{what}: {name} must have {rank} dimensions of {' or '.join(dtypes)}.")
        if suffix:
            packed_parts.setdefault((module, base), {})[suffix] = tensor
        else:
            parts.setdefault(module, {})[part] = tensor
    check_finite(buffer, entries, what)
    _unpack(parts, packed_parts, what)
    slots = {module: _slot(module, found, what) for module, found in parts.items()}
    for module, slot in slots.items():
        _agree(module, slot, what)
    kind = metadata.get("kind", "")
    if not kind or not kind.isidentifier():
        raise BadTensors(f"{what} does not say which kind of adapter it is.")
    return SlotRecord(kind, slots)


def _unpack(
    parts: dict[str, dict[str, Tensor]], packed_parts: Mapping[tuple[str, str], Mapping[str, Tensor]], what: str
) -> None:
    """Packed parts join the others. A small file must not become an enormous record: sizes are added up first."""
    if (size := sum(map(unpacked_size, packed_parts.values()))) > MOST_NUMBERS:
        raise BadTensors(f"{what} would unpack to {size:,} numbers; at most {MOST_NUMBERS:,} are read.")
    for (module, part), tensors in packed_parts.items():
        if part in parts.get(module, {}):
            raise BadTensors(f"{what}: {module}.{part} is stored twice, whole and packed.")
        parts.setdefault(module, {})[part] = unpack(part, tensors, f"{what}: {module}.{part}")


def _parts(slot: Slot) -> Iterator[tuple[str, Tensor]]:
    k = slot.k or (None, None)
    s = slot.s or (None, None, None)
    for part, tensor in zip(_PARTS, (slot.a, slot.b, slot.g_out, slot.g_in, *k, *s), strict=True):
        if tensor is not None:
            yield part, tensor


def _split(name: str, what: str) -> tuple[str, str]:
    module, _, part = name.rpartition(".")
    if part not in _PARTS:
        module, _, head = module.rpartition(".")
        part = f"{head}.{part}"
    if module and "\n" not in module and (part in _PARTS or part in _PACKED):
        return module, part
    raise BadTensors(f"{what}: {name[:120]!r} is not a part of a slot ({', '.join((*_PARTS, *_PACKED))}).")


def _slot(module: str, parts: dict[str, Tensor], what: str) -> Slot:
    for group in (("A", "B"), ("K1", "K2"), ("S.rows", "S.columns", "S.values")):
        present = [part for part in group if part in parts]
        if present and len(present) != len(group):
            raise BadTensors(f"{what}: {module} has {', '.join(present)} without the rest of {', '.join(group)}.")
    get: Any = parts.get
    return Slot(
        a=get("A"),
        b=get("B"),
        g_out=get("g_out"),
        g_in=get("g_in"),
        k=(parts["K1"], parts["K2"]) if "K1" in parts else None,
        s=(parts["S.rows"], parts["S.columns"], parts["S.values"]) if "S.rows" in parts else None,
    )


def _agree(module: str, slot: Slot, what: str) -> None:
    """All parts must speak of one layer: the same number of outputs and of inputs."""
    outputs: set[int] = set()
    inputs: set[int] = set()
    if slot.a is not None and slot.b is not None:
        (rank, width), (height, other) = slot.a.shape, slot.b.shape
        if rank != other or not rank:
            raise BadTensors(f"{what}: {module} has A of rank {rank} and B of rank {other}.")
        outputs.add(height)
        inputs.add(width)
    elif slot.a is not None or slot.b is not None:
        raise BadTensors(f"{what}: {module} has one of A and B without the other.")
    if slot.g_out is not None:
        outputs.add(slot.g_out.shape[0])
    if slot.g_in is not None:
        inputs.add(slot.g_in.shape[0])
    if slot.k is not None:
        outputs.add(slot.k[0].shape[0] * slot.k[1].shape[0])
        inputs.add(slot.k[0].shape[1] * slot.k[1].shape[1])
    if len(outputs) > 1 or len(inputs) > 1 or 0 in outputs | inputs:
        raise BadTensors(f"{what}: the parts of {module} disagree: {sorted(outputs)} outputs, {sorted(inputs)} inputs.")
    if slot.s is not None:
        _check_sparse(module, slot.s, outputs, inputs, what)


def _check_sparse(
    module: str,
    sparse: tuple[Tensor, Tensor, Tensor],
    outputs: set[int],
    inputs: set[int],
    what: str,
) -> None:
    rows, columns, values = sparse
    if not rows.shape == columns.shape == values.shape:
        raise BadTensors(f"{what}: the sparse part of {module} has lists of different lengths.")
    if not len(rows):
        return
    if min(int(rows.min()), int(columns.min())) < 0:
        raise BadTensors(f"{what}: the sparse part of {module} has a negative place.")
    if (outputs and int(rows.max()) >= min(outputs)) or (inputs and int(columns.max()) >= min(inputs)):
        raise BadTensors(f"{what}: the sparse part of {module} lies outside the layer.")
    places = rows.long() * (int(columns.max()) + 1) + columns.long()
    if len(places) > 1 and not bool((places[1:] > places[:-1]).all()):
        raise BadTensors(f"{what}: the sparse part of {module} is not sorted, or has a place twice.")
