"""Soft prompts: how they run while they are trained, and from what PEFT saved to the file that the machine reads.

Prompt tuning and P-tuning come to embeddings, prefix tuning to keys and values; PEFT saves all three as one table,
`prompt_embeddings`. Nothing else of PEFT's prompt methods can be expressed, and is refused by name.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from expertbuild.training.errors import CannotLower
from expertbuild.training.plain import PlainPass
from runtime.artifact.prompt import SoftPrompt
from runtime.artifact.slots import SlotRecord
from runtime.engine.base import read_json

PROMPT_KINDS = {"PROMPT_TUNING": "prompt", "P_TUNING": "prompt", "PREFIX_TUNING": "prefix"}

# Options that do not change what a trained prompt computes, or that are checked below. All others must be off.
# fmt: off
_FREE = frozenset({
    "auto_mapping", "base_model_name_or_path", "encoder_dropout", "encoder_hidden_size", "encoder_num_layers",
    "encoder_reparameterization_type", "inference_mode", "init_weights", "num_attention_heads", "num_layers",
    "num_transformer_submodules", "num_virtual_tokens", "peft_type", "peft_version", "prefix_projection",
    "prompt_tuning_init", "prompt_tuning_init_text", "revision", "task_type", "token_dim", "tokenizer_kwargs",
    "tokenizer_name_or_path",
})
# fmt: on


class PromptedPass(PlainPass):
    """The plain pass behind a soft prompt. Samples are never packed: each needs the prompt before itself."""

    def __init__(self, model: Any, dtype: torch.dtype) -> None:
        super().__init__(model, dtype, may_pack=False)

    def _hidden(self, **inputs: Tensor) -> Tensor:
        rows = inputs["input_ids"]
        made = self.model.get_prompt(batch_size=len(rows))
        if not isinstance(made, Tensor):  # a cache of keys and values: positions go on behind it
            return super()._hidden(input_ids=rows, past_key_values=made)
        embedded = self.model.get_input_embeddings()(rows)
        whole = torch.cat((made.to(embedded.dtype), embedded), dim=1)
        return super()._hidden(inputs_embeds=whole)[:, made.shape[1] :]


def is_prompt(config: Mapping[str, Any]) -> bool:
    """Whether an adapter_config.json describes a soft prompt that can be lowered."""
    return str(config.get("peft_type")) in PROMPT_KINDS


def lower_prompt(directory: Path, config: Mapping[str, Any], base: Path) -> SlotRecord:
    """The record of a PEFT directory that holds a soft prompt."""
    for name, value in sorted(config.items()):
        if name not in _FREE and value and value != "none":
            raise CannotLower(f"the soft prompt uses {name} ({value!r}), which cannot be expressed.")
    if (config.get("num_transformer_submodules") or 1) != 1:
        raise CannotLower("the soft prompt is for an encoder and a decoder; the base is a decoder alone.")
    table = _table(directory)
    kind = PROMPT_KINDS[config["peft_type"]]
    if kind == "prompt":
        return SlotRecord(kind, prompt=SoftPrompt(embeddings=table))
    layers = int(read_json(base / "config.json")["num_hidden_layers"])
    if table.shape[1] % (2 * layers):
        raise CannotLower(f"the prefix has {table.shape[1]} numbers per token; the base has {layers} layers.")
    parts = table.view(len(table), layers, 2, -1).permute(2, 1, 0, 3).contiguous()
    return SlotRecord(kind, prompt=SoftPrompt(keys=parts[0], values=parts[1]))


def _table(directory: Path) -> Tensor:
    file = directory / "adapter_model.safetensors"
    if not file.is_file():
        raise CannotLower(f"{directory} holds no adapter_model.safetensors.")
    try:
        tensors = load_file(file)
    except SafetensorError as error:
        raise CannotLower(f"is not a safetensors file ({error}).", where=str(file)) from error
    if tensors.keys() != {"prompt_embeddings"} or tensors["prompt_embeddings"].dim() != 2:
        raise CannotLower(f"the soft prompt holds {', '.join(sorted(tensors))[:200] or 'nothing'}, not one table.")
    table = tensors["prompt_embeddings"].float()
    if not table.numel() or not torch.isfinite(table).all():
        raise CannotLower("the soft prompt is empty, or has values that are not finite.")
    return table
