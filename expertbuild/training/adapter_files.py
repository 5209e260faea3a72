"""An adapter as PEFT writes it (`adapter_config.json`, `adapter_model.safetensors`), but the same bytes each time.

PEFT's own writer puts the path of the base and sets in random order into the configuration; neither belongs to the
result of a build.
"""

import json
from enum import Enum
from pathlib import Path
from typing import Any


def write_adapter(model: Any, out: Path) -> None:
    """Write the adapter of a PEFT model."""
    from peft import get_peft_model_state_dict
    from safetensors.torch import save_file

    tensors = get_peft_model_state_dict(model)
    save_file(
        {name: tensors[name].detach().float().cpu().contiguous().clone() for name in sorted(tensors)},
        out / "adapter_model.safetensors",
        metadata={"format": "pt"},
    )
    settings = _plain(model.peft_config["default"].to_dict())
    settings |= {"base_model_name_or_path": None, "inference_mode": True, "revision": None}
    text = json.dumps(settings, indent=2, sort_keys=True, ensure_ascii=False)
    (out / "adapter_config.json").write_text(text + "\n", encoding="utf-8")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(_plain(each) for each in value)
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, Enum):
        return value.value
    return value
