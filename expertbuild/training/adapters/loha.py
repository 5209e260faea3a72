"""LoHa: the weight plus the entry-by-entry product of two low-rank updates, of rank up to r squared."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor


def configure(adapter: Mapping[str, Any], targets: list[str]) -> Any:
    from peft import LoHaConfig

    rank = adapter.get("r", 6)
    return LoHaConfig(
        r=rank,
        alpha=adapter.get("alpha", rank),
        rank_dropout=adapter.get("dropout", 0.0),
        target_modules=targets,
        task_type="CAUSAL_LM",
    )


def effective(layer: Any) -> tuple[Tensor, Tensor | None]:
    base = layer.get_base_layer()
    return base.weight.float() + layer.get_delta_weight(layer.active_adapters[0]), base.bias
