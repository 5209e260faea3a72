"""One slot record, fitted to one base: checked against its layers, and laid out as the fused matrices are.

Query, key and value of a layer are one matrix here, so three slots of a record become one piece: their A under each
other, their B in blocks. How pieces of several adapters run together is the business of `adapters`.
"""

import hashlib
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace

import torch
from torch import Tensor
from torch.nn import functional

from runtime.artifact.slots import Slot, SlotRecord
from runtime.engine.errors import AdapterRefused
from runtime.engine.weights import Linear, Part

MOST_RANK = 1024


@dataclass(frozen=True)
class Extra:
    """A part of W's update that is added to its own rows alone: a Kronecker product, a sparse matrix, rank rows.

    It is given x, not x': the factor of inputs that it sees is its own adapter's, whoever else is in a mixture.
    """

    part: Part
    kronecker: tuple[Tensor, Tensor] | None = None
    sparse: Tensor | None = None  # CSR, float32: torch multiplies it in nothing else on a CPU
    thin: tuple[Tensor, Tensor] | None = None  # A [rank, in], B [rank, out]
    gain: Tensor | None = None  # [in]

    def __call__(self, x: Tensor) -> Tensor:
        if self.gain is not None:
            x = x * self.gain
        if self.thin is not None:
            return functional.linear(x, self.thin[0]) @ self.thin[1]
        if self.kronecker is not None:
            left, right = self.kronecker
            grid = x.view(len(x), left.shape[1], right.shape[1])
            return torch.matmul(left, grid @ right.t()).flatten(1)
        assert self.sparse is not None
        product: Tensor = torch.sparse.mm(self.sparse, x.float().t())
        return product.t().to(x.dtype)


@dataclass(frozen=True)
class Piece:
    """One adapter's update of one fused matrix, in the engine's dtype."""

    a: Tensor | None = None  # [rank, in]: the parts' rank rows, in the order of the parts
    b: Tensor | None = None  # [out, rank]: zero outside a part's own columns
    ranks: tuple[tuple[int, int], ...] = ()  # the rank rows of each part
    g_out: Tensor | None = None  # [out]
    g_in: Mapping[int, Tensor] = field(default_factory=dict)  # part -> [in], one subtracted
    extras: tuple[Extra, ...] = ()

    @property
    def bytes(self) -> int:
        """What it takes of the device's memory, nearly: sparse places are not counted."""
        tensors = [self.a, self.b, self.g_out, *self.g_in.values()]
        for extra in self.extras:
            tensors += [*(extra.kronecker or ()), *(extra.thin or ()), extra.gain]
            tensors += [extra.sparse.values()] if extra.sparse is not None else []
        return sum(tensor.nbytes for tensor in tensors if tensor is not None)

    def of_part(self, index: int, part: Part) -> "Piece":
        """The update of one part alone, as if its matrix stood by itself."""
        low, high = self.ranks[index] if self.ranks else (0, 0)
        rows = slice(part.start, part.stop)
        whole = Part(part.module, 0, part.stop - part.start)
        return Piece(
            a=self.a[low:high] if self.a is not None and high > low else None,
            b=self.b[rows, low:high] if self.b is not None and high > low else None,
            ranks=((0, high - low),),
            g_out=self.g_out[rows] if self.g_out is not None else None,
            g_in={0: self.g_in[index]} if index in self.g_in else {},
            extras=tuple(replace(extra, part=whole) for extra in self.extras if extra.part == part),
        )


def fingerprint(record: SlotRecord) -> str:
    """A hash of the record's numbers: 15 ms for 13 MB, and nobody's mistaken digest can mix up two adapters."""
    hashing = hashlib.blake2b(digest_size=16)
    for name, tensor in _tensors(record):
        plain = tensor.detach().cpu().contiguous()
        hashing.update(f"{name} {tuple(plain.shape)} {plain.dtype};".encode())
        hashing.update(plain.view(torch.uint8).numpy().data)
    return hashing.hexdigest()


def _tensors(record: SlotRecord) -> Iterator[tuple[str, Tensor]]:
    for module, slot in sorted(record.slots.items()):
        for part in fields(slot):
            value = getattr(slot, part.name)
            for tensor in value if isinstance(value, tuple) else (value,):
                if tensor is not None:
                    yield f"{module} {part.name}", tensor
    if record.prompt is not None:
        yield from record.prompt.parts().items()


def fit_record(
    name: str,
    record: SlotRecord,
    modules: Mapping[str, tuple[Linear, Part]],
    like: Tensor,
) -> dict[str, Piece]:
    """The record as pieces of fused matrices, copied to the base's device and dtype; refused where it does not fit."""
    if not record.slots and record.prompt is None:
        raise AdapterRefused(f"adapter {name!r} changes nothing: its record is empty.")
    by_linear: dict[str, dict[str, Slot]] = {}
    for module, slot in record.slots.items():
        if module not in modules:
            raise AdapterRefused(f"adapter {name!r} targets {module!r}, which this base does not have.")
        linear, part = modules[module]
        _check(f"adapter {name!r}, {module}", slot, part.stop - part.start, linear.matrix.inputs, like)
        by_linear.setdefault(linear.name, {})[module] = slot
    return {linear_name: _fuse(modules[next(iter(slots))][0], slots, like) for linear_name, slots in by_linear.items()}


def _check(what: str, slot: Slot, outputs: int, inputs: int, like: Tensor) -> None:
    expected: list[tuple[str, Tensor, tuple[int, ...]]] = []
    if slot.a is not None or slot.b is not None:
        if slot.a is None or slot.b is None:
            raise AdapterRefused(f"{what}: has one of A and B without the other.")
        rank = slot.a.shape[0]
        if not 1 <= rank <= MOST_RANK:
            raise AdapterRefused(f"{what}: rank {rank} is not between 1 and {MOST_RANK}.")
        expected += [("A", slot.a, (rank, inputs)), ("B", slot.b, (outputs, rank))]
    if slot.g_out is not None:
        expected.append(("g_out", slot.g_out, (outputs,)))
    if slot.g_in is not None:
        expected.append(("g_in", slot.g_in, (inputs,)))
    if slot.k is not None:
        left, right = slot.k
        shape = tuple(left.shape[i] * right.shape[i] for i in (0, 1)) if left.dim() == right.dim() == 2 else ()
        if shape != (outputs, inputs):
            raise AdapterRefused(f"{what}: K is {list(shape)}, the layer [{outputs}, {inputs}].")
        expected += [("K1", left, tuple(left.shape)), ("K2", right, tuple(right.shape))]
    if slot.s is not None:
        rows, columns, values = slot.s
        expected.append(("S", values, (len(rows),)))
        if len(rows) and (
            len(rows) != len(columns)
            or int(rows.min()) < 0
            or int(columns.min()) < 0
            or int(rows.max()) >= outputs
            or int(columns.max()) >= inputs
        ):
            raise AdapterRefused(f"{what}: S lies outside the layer [{outputs}, {inputs}].")
    for part, tensor, shape in expected:
        if tuple(tensor.shape) != shape:
            raise AdapterRefused(f"{what}: {part} is {list(tensor.shape)}, the base needs {list(shape)}.")
        if not torch.isfinite(tensor.to(like.dtype)).all():
            raise AdapterRefused(f"{what}: {part} holds values that are not finite.")


def _fuse(linear: Linear, slots: Mapping[str, Slot], like: Tensor) -> Piece:
    outputs, inputs = linear.matrix.outputs, linear.matrix.inputs
    found = [(index, part, slots[part.module]) for index, part in enumerate(linear.parts) if part.module in slots]
    ranks, total = [], 0
    for part in linear.parts:
        slot = slots.get(part.module)
        rank = slot.a.shape[0] if slot is not None and slot.a is not None else 0
        ranks.append((total, total + rank))
        total += rank
    a = like.new_zeros(total, inputs) if total else None
    # Kept as [rank, out] in memory: the step multiplies with it from the right.
    b = like.new_zeros(total, outputs).t() if total else None
    scaled = any(slot.g_out is not None for _, _, slot in found)
    g_out = like.new_zeros(outputs) if scaled else None
    g_in = {}
    for index, part, slot in found:
        low, high = ranks[index]
        if a is not None and b is not None and slot.a is not None and slot.b is not None:
            a[low:high] = slot.a
            b[part.start : part.stop, low:high] = slot.b
        if g_out is not None and slot.g_out is not None:
            g_out[part.start : part.stop] = slot.g_out
        if slot.g_in is not None:
            g_in[index] = (slot.g_in.float() - 1).to(like)
    extras = tuple(extra for _, part, slot in found for extra in _extras(linear, part, slot, like))
    return Piece(a, b, tuple(ranks), g_out, g_in, extras)


def _extras(linear: Linear, part: Part, slot: Slot, like: Tensor) -> Iterator[Extra]:
    gain = slot.g_in.to(like, copy=True) if slot.g_in is not None else None
    if slot.k is not None:
        yield Extra(part, kronecker=(slot.k[0].to(like, copy=True), slot.k[1].to(like, copy=True)), gain=gain)
    if slot.s is not None and len(slot.s[0]):
        rows, columns, values = slot.s
        places = torch.stack((rows.long(), columns.long()))
        size = (part.stop - part.start, linear.matrix.inputs)
        sparse = torch.sparse_coo_tensor(places, values.float().cpu(), size, check_invariants=True).coalesce()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch tells everyone once that CSR is in beta
            yield Extra(part, sparse=sparse.to_sparse_csr().to(like.device), gain=gain)
