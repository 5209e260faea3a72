"""IA3: one factor per row of the weight (attention), or per column (the layers named in `feedforward`)."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from expertbuild.training.errors import TrainingMistake


def configure(adapter: Mapping[str, Any], targets: list[str]) -> Any:
    from peft import IA3Config

    feedforward = sorted(set(adapter.get("feedforward") or ()))
    outside = [name for name in feedforward if name not in targets]
    if outside:
        raise TrainingMistake(f'"{outside[0]}" is not among the targets.', where="adapter.feedforward")
    return IA3Config(target_modules=targets, feedforward_modules=feedforward, task_type="CAUSAL_LM")


def effective(layer: Any) -> tuple[Tensor, Tensor | None]:
    base = layer.get_base_layer()
    factors = layer.ia3_l[layer.active_adapters[0]]  # [out, 1], or [1, in] where the input is scaled
    bias = base.bias
    if bias is not None and not layer.is_feedforward:
        bias = bias * factors.flatten()
    return base.weight.float() * factors, bias
