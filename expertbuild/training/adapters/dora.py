"""DoRA: LoRA gives each row of the weight its direction, a learned magnitude gives it its length.

As PEFT has it: the length of the updated row is a constant to the gradient, and a bias is left alone.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from expertbuild.training.adapters import Thin, lora


def configure(adapter: Mapping[str, Any], targets: list[str]) -> Any:
    return lora.configure(adapter, targets, use_dora=True)


def effective(layer: Any) -> tuple[Tensor, Tensor | None]:
    base = layer.get_base_layer()
    weight = lora.updated(layer, base.weight.float())
    return weight * (_magnitude(layer) / _length(weight)).unsqueeze(1), base.bias


def thin(layer: Any) -> Thin:
    name = layer.active_adapters[0]
    base = layer.get_base_layer()
    magnitude = _magnitude(layer)
    with torch.no_grad():
        weight = lora.updated(layer, base.weight.float())
        gain = (magnitude / _length(weight)).unsqueeze(1)
    up = layer.lora_B[name].weight * (gain * layer.scaling[name])
    return Thin(weight * gain, base.bias, layer.lora_A[name].weight, up, magnitude)


def _magnitude(layer: Any) -> Tensor:
    magnitude: Tensor = layer.lora_magnitude_vector[layer.active_adapters[0]].weight
    return magnitude


def _length(weight: Tensor) -> Tensor:
    length: Tensor = torch.linalg.vector_norm(weight.detach(), dim=1)
    return length
