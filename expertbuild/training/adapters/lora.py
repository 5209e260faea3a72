"""LoRA: the weight plus a product of two thin matrices, scaled by alpha / r."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from expertbuild.training.adapters import Thin


def configure(adapter: Mapping[str, Any], targets: list[str], **more: Any) -> Any:
    from peft import LoraConfig

    return LoraConfig(
        r=adapter.get("r", 16),
        lora_alpha=adapter.get("alpha", 32),
        lora_dropout=adapter.get("dropout", 0.0),
        target_modules=targets,
        bias="none",
        task_type="CAUSAL_LM",
        **more,
    )


def effective(layer: Any) -> tuple[Tensor, Tensor | None]:
    base = layer.get_base_layer()
    return updated(layer, base.weight.float()), base.bias


def updated(layer: Any, weight: Tensor) -> Tensor:
    """W + scale * B A."""
    name = layer.active_adapters[0]
    return torch.addmm(weight, layer.lora_B[name].weight, layer.lora_A[name].weight, alpha=layer.scaling[name])


def thin(layer: Any) -> Thin:
    name = layer.active_adapters[0]
    with torch.no_grad():
        weight, bias = effective(layer)
    return Thin(weight, bias, layer.lora_A[name].weight, layer.lora_B[name].weight * layer.scaling[name], None)
