"""rsLoRA: LoRA scaled by alpha / sqrt(r), so that a larger rank does not learn more slowly."""

from collections.abc import Mapping
from typing import Any

from expertbuild.training.adapters import lora
from expertbuild.training.adapters.lora import effective, thin

__all__ = ["configure", "effective", "thin"]


def configure(adapter: Mapping[str, Any], targets: list[str]) -> Any:
    return lora.configure(adapter, targets, use_rslora=True)
