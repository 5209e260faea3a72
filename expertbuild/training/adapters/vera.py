"""VeRA: two random matrices for all layers, which stay as they were drawn, and two vectors for each that are learned."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


def configure(adapter: Mapping[str, Any], targets: list[str]) -> Any:
    from peft import VeraConfig

    return VeraConfig(
        r=adapter.get("r", 64),
        vera_dropout=adapter.get("dropout", 0.0),
        target_modules=targets,
        save_projection=True,  # the compiler never draws them again: another machine might draw others
        task_type="CAUSAL_LM",
    )


def effective(layer: Any) -> tuple[Tensor, Tensor | None]:
    """W + diag(b) B0 diag(d) A0."""
    name = layer.active_adapters[0]
    base = layer.get_base_layer()
    down = layer.vera_lambda_d[name].unsqueeze(1) * layer.vera_A[name][:, : layer.in_features]
    up = layer.vera_lambda_b[name].unsqueeze(1) * layer.vera_B[name][: layer.out_features]
    return torch.addmm(base.weight.float(), up, down), base.bias
