"""transformers + PEFT, on a CPU or one GPU.

On a CPU a small base of a known shape runs through the fused pass, once a short text has shown that it gives the
plain model's logits; everything else runs through the model as transformers and PEFT wrote it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from expertbuild.training.adapters import kind_of, resolve_targets
from expertbuild.training.errors import TrainingMistake
from expertbuild.training.fused.decoder import Decoder, unfit
from expertbuild.training.packing import Sample, pack
from expertbuild.training.plain import PlainPass
from expertbuild.training.settings import LARGEST_COPIED_BASE, Settings
from expertbuild.training.student import Student

# Largest relative difference between the two passes, both in float32, on the text that is tried.
SAME = 1e-3


def prepare(base: Path, adapter: Mapping[str, Any], settings: Settings, seed: int) -> Student:
    """The base with a fresh adapter, drawn from the seed."""
    from peft import get_peft_model
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    device = _device(settings)
    precision = _precision(settings, device)
    kind = kind_of(adapter)
    # On a CPU the weights stay wide and products are narrowed; on a GPU memory decides.
    stored = precision if device.type == "cuda" else torch.float32
    model: Any = AutoModelForCausalLM.from_pretrained(base, dtype=stored, local_files_only=True)
    model = model.to(device)
    model.config.use_cache = False
    torch.manual_seed(seed)
    targets = resolve_targets(model, adapter.get("targets", "all-linear"))
    model = get_peft_model(model, kind.configure(adapter, targets))
    model.train()
    own = getattr(kind, "through", None)
    if own is not None:
        if settings.fused is True:
            raise TrainingMistake(f"{adapter['kind']} has no fused pass.", where="train.fused", hint="Use auto.")
        return Student(model, own(model, precision), device, f"plain pass, {_name(precision)}")
    why = _no_fused_pass(model, adapter, settings, device, kind)
    if why is None:
        fused = Decoder(model.get_base_model(), kind, precision)
        return Student(model, fused, device, f"fused pass, {_name(precision)}")
    if settings.fused is True:
        raise TrainingMistake(f"{why}.", where="train.fused", hint="Use auto.")
    return Student(model, PlainPass(model, precision), device, f"plain pass, {_name(precision)} ({why})")


def _no_fused_pass(
    model: Any, adapter: Mapping[str, Any], settings: Settings, device: torch.device, kind: Any
) -> str | None:
    """Why the fused pass is not taken, or None."""
    if settings.fused is False:
        return "asked for"
    if device.type != "cpu":
        return "the fused pass is for a CPU"
    if adapter.get("dropout"):
        return "dropout needs the adapter's own path"
    plain = model.get_base_model()
    weights = sum(parameter.numel() for parameter in plain.parameters())
    if settings.fused == "auto" and 2 * weights > LARGEST_COPIED_BASE:
        return "the base is large"
    return unfit(plain) or _differs(model, kind)


def _differs(model: Any, kind: Any) -> str | None:
    """Names and shapes may match where the arithmetic does not: compare the two on a few tokens."""
    plain = model.get_base_model()
    vocabulary = plain.config.vocab_size
    tokens = [(31 * number + 7) % vocabulary for number in range(24)]
    some = pack([Sample(tokens[:9], 1), Sample(tokens[9:], 1)])
    model.eval()
    with torch.no_grad():
        expected = PlainPass(model, torch.float32).logits(some)
        fused = Decoder(plain, kind, torch.float32)
        fused.begin()
        got = fused.logits(some)
    model.train()
    distance = float((got - expected).abs().max() / expected.abs().max())
    return None if distance <= SAME else f"the fused pass differs from the model by {distance:.1e}"


def _device(settings: Settings) -> torch.device:
    if settings.device != "auto":
        return torch.device(settings.device)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _precision(settings: Settings, device: torch.device) -> torch.dtype:
    """bf16 where the machine multiplies it directly: on a CPU that doubles the tokens per second."""
    if settings.precision != "auto":
        return torch.bfloat16 if settings.precision == "bf16" else torch.float32
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    able = torch.cpu.get_capabilities()
    return torch.bfloat16 if any(able.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16")) else torch.float32


def _name(dtype: torch.dtype) -> str:
    return {torch.bfloat16: "bf16", torch.float32: "fp32"}[dtype]
