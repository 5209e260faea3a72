"""Tiny PEFT models with adapters that are not at their start, for the tests of this folder."""

import random
from pathlib import Path
from typing import Any

import torch

from expertbuild.training.adapters import kind_of, resolve_targets
from expertbuild.training.packing import Sample
from tests.tiny import tiny_base


def adapted(directory: Path, kind: str, architecture: str = "qwen3", **shape: Any) -> Any:
    """A tiny base with an adapter whose every number has moved."""
    from peft import get_peft_model
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    base: Any = AutoModelForCausalLM.from_pretrained(tiny_base(directory, architecture, **shape), dtype=torch.float32)
    adapter = {"kind": kind, "r": 4, "alpha": 8, "feedforward": ["down_proj"], "factor": 4, "tokens": 7}
    model = get_peft_model(base, kind_of(adapter).configure(adapter, resolve_targets(base, "all-linear")))
    generator = torch.Generator().manual_seed(1)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data += 0.1 * torch.randn(parameter.shape, generator=generator)
    return model


def samples(count: int = 9, vocabulary: int = 500) -> list[Sample]:
    """Samples of different lengths, in the order in which a pack holds them."""
    rng = random.Random(0)
    made = [
        Sample([rng.randrange(vocabulary) for _ in range(rng.randint(4, 70))], rng.randint(1, 3)) for _ in range(count)
    ]
    return sorted(made, key=lambda sample: len(sample.tokens))


def alike(vocabulary: int = 500) -> list[Sample]:
    """Two families of samples that begin alike, of different lengths, and two samples of their own between them."""
    rng = random.Random(1)

    def some(least: int, most: int) -> list[int]:
        return [rng.randrange(vocabulary) for _ in range(rng.randint(least, most))]

    def sample(beginning: list[int]) -> Sample:
        tokens = beginning + some(3, 20)
        return Sample(tokens + some(1, 9), len(tokens))

    first, second = some(30, 40), some(50, 60)
    return [*(sample(first) for _ in range(3)), sample(some(5, 9)), *(sample(second) for _ in range(4)), sample([])]


def alone(model: Any, sample: Sample) -> torch.Tensor:
    """The logits that transformers and PEFT give for one sample and nothing else, where it learns."""
    logits: torch.Tensor = model(input_ids=torch.tensor([sample.tokens]), use_cache=False).logits
    return logits[0, sample.answer_from - 1 : -1]
