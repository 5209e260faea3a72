"""A PEFT directory of a LoRA, as PEFT and the servers that speak LoRA read it.

Regular, because not every reader knows patterns of ranks: one rank for all modules (smaller ones are filled up with
zeros, which changes nothing) and scale 1. Whatever is not A and B cannot be said there, and is refused by name.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from runtime.artifact.slots import Slot, SlotRecord
from runtime.export.errors import CannotExport

_WHY = {
    "g_out": "a factor for each output (an IA3's, or a DoRA's norm, which is folded into it)",
    "g_in": "a factor for each input (an IA3's)",
    "k": "a Kronecker product (a LoKr's)",
    "s": "a sparse part",
}


def write_lora(record: SlotRecord, target: Path, *, base_name: str, layers: int) -> None:
    """adapter_config.json and adapter_model.safetensors into the folder `target`."""
    plain = low_rank(record, "PEFT LoRA")
    rank = max(len(a) for a, _ in plain.values())
    kinds = sorted({module.rsplit(".", 1)[1] for module in plain})
    tensors = {}
    # PEFT puts an adapter on every module of these names: those that the expert leaves alone get zeros.
    for module, (a, b) in _everywhere(plain, kinds, layers).items():
        tensors[f"base_model.model.{module}.lora_A.weight"] = _filled(a, rank, 0)
        tensors[f"base_model.model.{module}.lora_B.weight"] = _filled(b, rank, 1)
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base_name,
        "inference_mode": True,
        "r": rank,
        "lora_alpha": rank,
        "lora_dropout": 0.0,
        "bias": "none",
        "fan_in_fan_out": False,
        "use_rslora": False,
        "use_dora": False,
        "target_modules": kinds,
    }
    save_file(tensors, target / "adapter_model.safetensors", metadata={"format": "pt"})
    (target / "adapter_config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def low_rank(record: SlotRecord, format: str) -> dict[str, tuple[Tensor, Tensor]]:
    """A and B of each module, if that is all there is."""
    if not record.slots:
        raise CannotExport("the expert changes nothing: its record is empty.")
    found = {}
    for module, slot in sorted(record.slots.items()):
        for part, why in _WHY.items():
            if _is_there(slot, part):
                raise CannotExport(
                    f"{format} cannot say what this {record.kind} does to {module}: {why}.", hint="Say format=merged."
                )
        if slot.a is None or slot.b is None:
            raise CannotExport(f"the expert's part for {module} is empty.")
        found[module] = (slot.a.float(), slot.b.float())
    return found


def _is_there(slot: Slot, part: str) -> bool:
    value = getattr(slot, part)
    if part == "s":
        return value is not None and len(value[0]) > 0
    return value is not None


def _everywhere(
    plain: Mapping[str, tuple[Tensor, Tensor]], kinds: list[str], layers: int
) -> dict[str, tuple[Tensor, Tensor]]:
    found = dict(plain)
    for kind in kinds:
        sample = next(module for module in plain if module.endswith(f".{kind}"))
        a, b = plain[sample]
        head, _, rest = sample.removeprefix("model.layers.").partition(".")
        assert head.isdigit()
        for layer in range(layers):
            found.setdefault(f"model.layers.{layer}.{rest}", (torch.zeros_like(a), torch.zeros_like(b)))
    return dict(sorted(found.items()))


def _filled(tensor: Tensor, rank: int, dimension: int) -> Tensor:
    missing = rank - tensor.shape[dimension]
    if not missing:
        return tensor.contiguous()
    size = list(tensor.shape)
    size[dimension] = missing
    return torch.cat((tensor, tensor.new_zeros(size)), dimension).contiguous()
