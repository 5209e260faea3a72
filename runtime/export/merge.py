"""A base's tensors with an expert worked into them, one at a time.

    W <- (W + diag(g_out) W + B A + K + S) diag(g_in)

That is the slot record's formula (DESIGN section 5) with x taken out; biases stay. Computed in float32 from the weights as
they are stored.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from runtime.artifact.slots import Slot, SlotRecord
from runtime.engine.base import weight_files
from runtime.export.errors import CannotExport


def merged_tensors(base: Path, record: SlotRecord | None) -> Iterator[tuple[str, Tensor, torch.dtype]]:
    """Every tensor of the base: its name; float32 where the expert changes it, else as stored; and how it was stored."""
    waiting = dict(record.slots) if record is not None else {}
    with ExitStack() as open_files:
        for file in weight_files(base):
            try:
                opened = open_files.enter_context(safe_open(file, framework="pt"))
            except (SafetensorError, OSError) as error:
                raise CannotExport(f"is not a safetensors file ({error}).", where=str(file)) from error
            for name in sorted(opened.keys()):
                tensor: Tensor = opened.get_tensor(name)
                if not tensor.is_floating_point():
                    raise CannotExport(
                        f"tensor {name} of the base holds {tensor.dtype}; only plain weights are exported."
                    )
                slot = waiting.pop(name.removesuffix(".weight"), None) if name.endswith(".weight") else None
                yield name, tensor if slot is None else merged(name, tensor, slot), tensor.dtype
    if waiting:
        raise CannotExport(f"the expert changes {min(waiting)}, which this base does not have.")


def merged(name: str, weight: Tensor, slot: Slot) -> Tensor:
    """One matrix with its slot worked in."""
    outputs, inputs = weight.shape
    result = weight.float()
    try:
        if slot.g_out is not None:
            result = result + slot.g_out.float().view(outputs, 1) * result
        if slot.a is not None and slot.b is not None:
            result = result + slot.b.float() @ slot.a.float()
        if slot.k is not None:
            result = result + torch.kron(slot.k[0].float(), slot.k[1].float())
        if slot.s is not None:
            result = result.clone()
            rows, columns, values = slot.s
            result.index_put_((rows.long(), columns.long()), values.float(), accumulate=True)
        if slot.g_in is not None:
            result = result * slot.g_in.float().view(1, inputs)
    except (RuntimeError, IndexError) as error:
        raise CannotExport(f"the expert's part for {name} does not fit its shape {[outputs, inputs]}.") from error
    if result.shape != weight.shape:
        raise CannotExport(f"the expert's part for {name} does not fit its shape {[outputs, inputs]}.")
    if not torch.isfinite(result).all():
        raise CannotExport(f"{name} with the expert worked in holds values that are not finite.")
    return result
