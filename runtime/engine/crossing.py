"""Numbers on their way between host and device, so that neither waits for the other.

A plain copy to a GPU, and every `.tolist()`, waits until the device has done all that it was asked before. Here, what goes
there leaves from pinned memory, and what comes back is copied when the device gets to it and waited for when it is wanted.
All that a step reads from the device comes through `Coming`. Elsewhere copies are what they always are.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


def sent(values: Sequence[Any] | Tensor, device: torch.device, dtype: torch.dtype | None = None) -> Tensor:
    """The same numbers on the device."""
    made = values if isinstance(values, Tensor) else torch.tensor(values, dtype=dtype)
    if device.type == "cpu":
        return made
    return made.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else made.to(device)


class Coming:
    """Tensors on their way to the host, as they are at this point of the device's work."""

    def __init__(self, *tensors: Tensor) -> None:
        device = tensors[0].device
        self._copies = [tensor.to("cpu", non_blocking=device.type == "cuda") for tensor in tensors]
        self._event: torch.cuda.Event | None = None
        if device.type == "cuda":
            self._event = torch.cuda.Event()
            self._event.record(torch.cuda.current_stream(device))

    def read(self) -> list[list[Any]]:
        """Their numbers; waits for them, and for nothing that was asked of the device since."""
        if self._event is not None:
            self._event.synchronize()
        return [copy.tolist() for copy in self._copies]
