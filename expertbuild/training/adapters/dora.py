"""DoRA: LoRA gives each row of the weight its direction, a learned magnitude gives it its length.

As PEFT has it: the length of the updated row is a constant to the gradient, and a bias is left alone.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from expertbuild.training.adapters import lora


def configure(adapter: Mapping[str, Any], targets: list[str]) -> Any:
    return lora.configure(adapter, targets, use_dora=True)


def effective(layer: Any) -> tuple[Tensor, Tensor | None]:
    base = layer.get_base_layer()
    weight = lora.updated(layer, base.weight.float())
    magnitude = layer.lora_magnitude_vector[layer.active_adapters[0]].weight
    length = torch.linalg.vector_norm(weight.detach(), dim=1)
    return weight * (magnitude / length).unsqueeze(1), base.bias
