"""Numbers on their way between host and device, so that neither waits for the other.

A plain copy to a GPU, and every `.tolist()`, makes the host wait until the device has done all that it was asked before. Here,
what goes there leaves from pinned memory, which torch gives out again only when the copy is done; what comes back is copied
when the device gets to it, and waited for when it is wanted. All that a step reads from the device comes through `Coming`.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor


class Mark(Protocol):
    """A point in the device's work."""

    def synchronize(self) -> object:
        """Waits until the device has come so far."""
        ...


def _mark(device: torch.device) -> Mark:
    event = torch.cuda.Event()  # type: ignore[no-untyped-call]
    event.record(torch.cuda.current_stream(device))
    return event


# Kinds of devices that compute beside the host, and how the point that they have been asked to reach is marked.
BESIDE: dict[str, Callable[[torch.device], Mark]] = {"cuda": _mark}


def send(numbers: Tensor | Sequence[object], device: torch.device, dtype: torch.dtype | None = None) -> Tensor:
    """On the device. On a CPU, what is a tensor already stays the same."""
    tensor = numbers if isinstance(numbers, Tensor) else torch.tensor(numbers, dtype=dtype)
    if tensor.device.type == device.type:
        return tensor
    beside = device.type in BESIDE
    return (tensor.pin_memory() if beside else tensor).to(device, non_blocking=beside)


class Coming:
    """Tensors on their way to the host, as they are at this point of the device's work."""

    def __init__(self, *tensors: Tensor) -> None:
        device = tensors[0].device
        mark = BESIDE.get(device.type)
        self._copies = [tensor.to("cpu", non_blocking=mark is not None) for tensor in tensors]
        self._mark = mark(device) if mark is not None else None

    def read(self) -> list[list[Any]]:
        """Their numbers; waits for them, and for nothing that was asked of the device since."""
        if self._mark is not None:
            self._mark.synchronize()
        return [copy.tolist() for copy in self._copies]
