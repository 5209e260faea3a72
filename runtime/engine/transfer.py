"""Numbers on their way to the device, without the host waiting for what the device still computes.

A copy from ordinary memory makes the host wait for the whole stream. From pinned memory it does not; torch gives such
memory out again only when the copy is done.
"""

from collections.abc import Sequence

import torch
from torch import Tensor


def send(numbers: Tensor | Sequence[object], device: torch.device, dtype: torch.dtype | None = None) -> Tensor:
    """On the device. On a CPU, what is a tensor already stays the same."""
    tensor = numbers if isinstance(numbers, Tensor) else torch.tensor(numbers, dtype=dtype)
    if tensor.device.type == device.type:
        return tensor
    return (tensor.pin_memory() if device.type == "cuda" else tensor).to(device, non_blocking=True)
