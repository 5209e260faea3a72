"""Slot records of four kinds with random numbers, for the tiny base; made without PEFT, whose import costs ten seconds."""

import torch
from torch import Tensor

from runtime.artifact.slots import Slot, SlotRecord

SHAPES = {
    "self_attn.q_proj": (64, 64),
    "self_attn.k_proj": (32, 64),
    "self_attn.v_proj": (32, 64),
    "self_attn.o_proj": (64, 64),
    "mlp.gate_proj": (96, 64),
    "mlp.up_proj": (96, 64),
    "mlp.down_proj": (64, 96),
}


def random_records(seed: int = 0) -> dict[str, SlotRecord]:
    """LoRA, DoRA, IA3 and LoKr as they are compiled: rank rows, scaled outputs, scaled inputs, Kronecker products."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*size: int) -> Tensor:
        return torch.randn(*size, generator=generator)

    records: dict[str, dict[str, Slot]] = {"lora": {}, "dora": {}, "ia3": {}, "lokr": {}}
    for layer in range(2):
        for name, (rows, columns) in SHAPES.items():
            module = f"model.layers.{layer}.{name}"
            records["lora"][module] = Slot(a=normal(4, columns) / columns**0.5, b=normal(rows, 4))
            a, b = normal(6, columns) / columns**0.5, normal(rows, 6)
            records["dora"][module] = Slot(a=a, b=b, g_out=0.2 * normal(rows))
            records["ia3"][module] = (
                Slot(g_in=1 + 0.4 * normal(columns)) if "down" in name else Slot(g_out=0.4 * normal(rows))
            )
            records["lokr"][module] = Slot(k=(normal(4, 4) / 2, normal(rows // 4, columns // 4) / columns**0.5))
    return {kind: SlotRecord(kind, slots) for kind, slots in records.items()}
