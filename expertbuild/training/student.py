"""A base with an adapter that can learn: what every backend hands to the training loop.

The adapter's parameters lie end to end in one flat buffer, their gradients in another: one optimiser kernel, one
norm, and, where several processes train together, memory that all of them see.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from expertbuild.training.packing import Pack


class Pass(Protocol):
    """A way through the model. `begin` before a step's packs, `end` after their gradients."""

    shares: bool  # whether it can read a beginning that several samples have in common

    def begin(self) -> None: ...

    def end(self) -> None: ...

    def logits(self, pack: Pack) -> Tensor: ...


@dataclass
class Student:
    model: Any  # a PEFT model
    run: Pass
    device: torch.device
    note: str = ""  # what the backend chose, for people

    def __post_init__(self) -> None:
        self.parameters: dict[str, torch.nn.Parameter] = {
            name: parameter for name, parameter in self.model.named_parameters() if parameter.requires_grad
        }

    @property
    def size(self) -> int:
        """How many numbers are learned."""
        return sum(parameter.numel() for parameter in self.parameters.values())

    def lay_out(self, values: Tensor, grads: Tensor, *, keep: bool) -> None:
        """Make the parameters and their gradients views of these buffers; `keep` copies today's values in."""
        start = 0
        for parameter in self.parameters.values():
            stop = start + parameter.numel()
            place = values[start:stop].view(parameter.shape)
            if keep:
                place.copy_(parameter.data)
            parameter.data = place
            parameter.grad = grads[start:stop].view(parameter.shape)
            start = stop
