"""A merged checkpoint: a Hugging Face directory that needs no adapter, for every server that reads one."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from runtime.artifact.slots import SlotRecord
from runtime.engine.base import TOKENIZER_FILES, read_json
from runtime.export.errors import CannotExport
from runtime.export.merge import merged_tensors

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
SHARD = 2 << 30  # bytes of one file
_NAMES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}


def write_checkpoint(
    base: Path,
    record: SlotRecord | None,
    target: Path,
    *,
    dtype: str | None = None,
    rope: Mapping[str, Any] | None = None,
    shard: int = SHARD,
) -> None:
    """Into the empty folder `target`. `dtype`: fp32, bf16 or fp16; None: each tensor as the base stores it."""
    config = read_json(base / "config.json")
    if config.get("quantization_config"):
        raise CannotExport("the base is stored in fewer bits; only plain weights are merged.")
    if dtype is not None:
        config.pop("torch_dtype", None)
        config["dtype"] = _NAMES[dtype]
    config |= rope_words(rope, config)
    _write_shards(base, record, target, None if dtype is None else DTYPES[dtype], shard)
    (target / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    for name in (*TOKENIZER_FILES, "generation_config.json"):
        if (base / name).is_file():
            shutil.copyfile(base / name, target / name)


def rope_words(rope: Mapping[str, Any] | None, config: Mapping[str, Any]) -> dict[str, Any]:
    """The expert's rotary embedding as a config.json says it to transformers."""
    if rope is None:
        return {}
    before = dict(config.get("rope_scaling") or {}) | dict(config.get("rope_parameters") or {})
    theta = float(rope.get("rope_theta") or before.get("rope_theta") or config.get("rope_theta") or 10000.0)
    context = int(config["max_position_embeddings"])
    original = int(rope.get("original_max_position_embeddings") or context)
    said = {key: value for key, value in rope.items() if key != "type"} | {"rope_theta": theta}
    kind = said["rope_type"]
    if kind == "ntk":
        size = int(config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"])
        said = {"rope_type": "default", "rope_theta": theta * float(rope["factor"]) ** (size / (size - 2))}
    elif kind == "ntk_by_parts":
        said |= {"rope_type": "yarn", "attention_factor": 1.0}
    if said["rope_type"] in ("yarn", "longrope", "llama3"):
        said["original_max_position_embeddings"] = original
    elif kind == "dynamic" and original != context:
        raise CannotExport(f"a dynamic rope from {original} tokens cannot be said in a config.json of {context}.")
    else:
        said.pop("original_max_position_embeddings", None)
    reach = context if kind in ("default", "dynamic") else max(context, int(original * float(rope.get("factor") or 1)))
    return {"rope_parameters": said, "rope_scaling": None, "max_position_embeddings": reach}


def _write_shards(base: Path, record: SlotRecord | None, target: Path, dtype: torch.dtype | None, most: int) -> None:
    files: list[dict[str, str]] = []  # of each file its tensors and their dtype
    pending: dict[str, Tensor] = {}
    size = total = 0

    def flush() -> None:
        nonlocal pending, size
        save_file(pending, target / f"part-{len(files)}.safetensors", metadata={"format": "pt"})
        files.append(dict.fromkeys(pending, ""))
        pending, size = {}, 0

    for name, tensor, stored in merged_tensors(base, record):
        kept = tensor.to(dtype or stored).contiguous()
        if not torch.isfinite(kept).all():
            raise CannotExport(f"{name} does not fit into {kept.dtype}.", hint="Say dtype=bf16 or dtype=fp32.")
        if pending and size + kept.nbytes > most:
            flush()
        pending[name] = kept
        size, total = size + kept.nbytes, total + kept.nbytes
    flush()
    if len(files) == 1:
        (target / "part-0.safetensors").rename(target / "model.safetensors")
        return
    places: dict[str, str] = {}
    for number, names in enumerate(files):
        final = f"model-{number + 1:05}-of-{len(files):05}.safetensors"
        (target / f"part-{number}.safetensors").rename(target / final)
        places |= dict.fromkeys(names, final)
    index = {"metadata": {"total_size": total}, "weight_map": dict(sorted(places.items()))}
    (target / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")
