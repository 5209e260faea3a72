"""unsloth, for one NVIDIA GPU: its own kernels and less memory, with the same loop, rows and adapter files.

It cannot be imported without a GPU, so it is imported when it is asked for and nowhere else. Rows are padded, not
packed: unsloth replaces attention with kernels of its own, whose isolation of packed rows nothing here has shown.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from expertbuild.training.adapters import kind_of, resolve_targets
from expertbuild.training.errors import MissingLibrary, TrainingMistake
from expertbuild.training.plain import PlainPass
from expertbuild.training.settings import Settings
from expertbuild.training.student import Student

KINDS = ("lora", "rslora", "dora")


def prepare(base: Path, adapter: Mapping[str, Any], settings: Settings, seed: int) -> Student:
    """The base with a fresh adapter, patched by unsloth."""
    kind_of(adapter)
    if adapter["kind"] not in KINDS:
        raise TrainingMistake(
            f'unsloth does not train the adapter kind "{adapter["kind"]}".',
            where="train.backend",
            hint=f"It trains {', '.join(KINDS)}; the backend peft trains all.",
        )
    fast = _library()
    narrow = settings.precision != "fp32" and torch.cuda.is_bf16_supported()
    dtype = torch.bfloat16 if narrow else torch.float32
    model, _ = fast.from_pretrained(
        model_name=str(base), max_seq_length=settings.length, dtype=dtype, load_in_4bit=False
    )
    model = fast.get_peft_model(
        model,
        r=adapter.get("r", 16),
        lora_alpha=adapter.get("alpha", 32),
        lora_dropout=adapter.get("dropout", 0.0),
        target_modules=resolve_targets(model, adapter.get("targets", "all-linear")),
        bias="none",
        use_rslora=adapter["kind"] == "rslora",
        use_dora=adapter["kind"] == "dora",
        random_state=seed,
    )
    model = fast.for_training(model)
    return Student(model, PlainPass(model, dtype, may_pack=False), torch.device("cuda"), "unsloth")


def _library() -> Any:
    if not torch.cuda.is_available():
        raise MissingLibrary(
            "the backend unsloth needs an NVIDIA GPU, and this machine shows none.",
            where="train.backend",
            hint="Use train.backend=peft.",
        )
    try:
        from unsloth import FastLanguageModel
    except ImportError as error:
        raise MissingLibrary(
            "the backend unsloth is not installed.", where="train.backend", hint="pip install 'expertbuild[cuda]'"
        ) from error
    return FastLanguageModel
