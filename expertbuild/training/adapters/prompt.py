"""Soft prompt (prompt tuning): so many embeddings before every text; the layers stay as they are."""

from collections.abc import Mapping
from typing import Any


def configure(adapter: Mapping[str, Any], targets: list[str]) -> Any:
    from peft import PromptTuningConfig, PromptTuningInit

    # Begins as tokens of the vocabulary: random numbers lie where no embedding ever was.
    begin = PromptTuningInit.SAMPLE_VOCAB
    return PromptTuningConfig(num_virtual_tokens=adapter["tokens"], prompt_tuning_init=begin, task_type="CAUSAL_LM")


def through(model: Any, dtype: Any) -> Any:
    from expertbuild.training.soft_prompts import PromptedPass

    return PromptedPass(model, dtype)
