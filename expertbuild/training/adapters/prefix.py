"""Prefix: keys and values of so many tokens, in every layer, before every text; the layers stay as they are."""

from collections.abc import Mapping
from typing import Any

from expertbuild.training.adapters.prompt import through

__all__ = ["configure", "through"]


def configure(adapter: Mapping[str, Any], targets: list[str]) -> Any:
    from peft import PrefixTuningConfig

    return PrefixTuningConfig(num_virtual_tokens=adapter["tokens"], task_type="CAUSAL_LM")
