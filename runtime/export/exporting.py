"""The formats by name, and how a folder comes into being: whole, at once, or not at all."""

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from runtime.artifact.canary import Canary
from runtime.artifact.slots import SlotRecord
from runtime.errors import Problem
from runtime.export.errors import CannotExport


@dataclass(frozen=True)
class Wanted:
    """What is exported. Without a record it is the base alone."""

    base: Path
    base_name: str
    record: SlotRecord | None = None
    name: str = ""
    rope: Mapping[str, Any] | None = None
    dtype: str | None = None
    tokenizer: bool = True
    canary: Canary | None = None


def export(wanted: Wanted, format: str, output: Path) -> list[str]:
    """Writes the folder `output`, which must be new or empty; the names of the files in it."""
    if format not in FORMATS:
        raise CannotExport(f"there is no format {format[:40]!r}.", hint=f"Formats: {', '.join(FORMATS)}.")
    if output.is_symlink() or (output.exists() and (not output.is_dir() or any(output.iterdir()))):
        raise CannotExport("the output must be a new or an empty folder.", where=str(output))
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(mkdtemp(prefix=f".{output.name}-", dir=output.parent))
        try:
            FORMATS[format](wanted, staging)
            staging.chmod(0o755)
            written = sorted(path.name for path in staging.iterdir())
            os.replace(staging, output)  # takes the place of an empty folder too
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    except OSError as error:
        raise Problem(f"the export can not be written: {error.strerror or error}.", where=str(output)) from error
    return written


def _peft(wanted: Wanted, folder: Path) -> None:
    from runtime.engine.shape import Shape
    from runtime.export.lora import write_lora

    record = _adapter_alone(wanted, "peft")
    write_lora(record, folder, base_name=wanted.base_name, layers=Shape.read(wanted.base).layers)


def _merged(wanted: Wanted, folder: Path) -> None:
    from runtime.export.checkpoint import write_checkpoint

    write_checkpoint(wanted.base, wanted.record, folder, dtype=wanted.dtype, rope=wanted.rope)
    _prove(wanted, folder)


def _gguf(wanted: Wanted, folder: Path) -> None:
    from runtime.engine.shape import Shape
    from runtime.export.gguf import write_model

    if wanted.rope is not None:
        raise CannotExport("this expert asks for a rope of its own.", hint="Say format=merged, and convert that.")
    stored = {"torch.float32": "fp32", "torch.float16": "fp16"}.get(str(Shape.read(wanted.base).dtype), "bf16")
    write_model(
        wanted.base,
        wanted.record,
        folder / "model.gguf",
        dtype=wanted.dtype or stored,
        name=wanted.name or wanted.base_name,
        tokenizer=wanted.tokenizer,
    )


def _gguf_lora(wanted: Wanted, folder: Path) -> None:
    from runtime.export.gguf import write_adapter

    write_adapter(wanted.base, _adapter_alone(wanted, "gguf-lora"), folder / "adapter.gguf", name=wanted.name)


# format=
FORMATS: dict[str, Callable[[Wanted, Path], None]] = {
    "peft": _peft,
    "merged": _merged,
    "gguf": _gguf,
    "gguf-lora": _gguf_lora,
}


def _adapter_alone(wanted: Wanted, format: str) -> SlotRecord:
    if wanted.record is None:
        raise CannotExport(f"format={format} is an expert without its base.", hint="Say expert=NAME.")
    if wanted.rope is not None:
        raise CannotExport(
            f"this expert asks for a rope of its own, and format={format} has no place for it.",
            hint="Say format=merged.",
        )
    if wanted.dtype not in (None, "fp32"):
        raise CannotExport(f"format={format} is written in fp32.", hint="Leave dtype out.")
    return wanted.record


def _prove(wanted: Wanted, folder: Path) -> None:
    """The checkpoint gives the logits that the build measured with base and adapter apart, as nearly as its dtype can."""
    from runtime.engine.engine import Engine
    from runtime.engine.replay import SHARES, fault
    from runtime.engine.shape import Shape

    if wanted.canary is None or wanted.rope is not None:  # a canary was measured with the base's own rope
        return
    exact = str(Shape.read(folder).dtype) == "torch.float32"
    engine = Engine.load(folder, cache_tokens=64)
    for number, probe in enumerate(wanted.canary.probes):
        logits = engine.last_logits(probe.tokens.tolist())
        if found := fault(probe, logits, wanted.canary.tolerance, None if exact else SHARES["bf16"]):
            raise Problem(f"the merged checkpoint is not the expert: canary {number} {found}.", hint="Say dtype=fp32.")
