"""A soft prompt as a safetensors file: what stands before every text of an expert, learned and not written.

Either embeddings, as if they were the embeddings of so many tokens (prompt tuning), or keys and values of every layer
(prefix tuning). Names, shapes that agree and finite values are checked here; whether they fit a base, and that they
leave room for a text, is the engine's to say. schemas/prompt.schema.json describes the header.
"""

from collections.abc import Collection
from dataclasses import dataclass

import torch
from torch import Tensor

from runtime.artifact.mapped import check_finite, expect_format, packed, views, writable
from runtime.artifact.refusals import BadTensors
from runtime.artifact.tensors import Buffer, read_header, write_tensors

FORMAT = "expert-prompt/1"
DTYPES = {"bf16": torch.bfloat16, "fp32": torch.float32}
_RANKS = {"embeddings": 2, "keys": 3, "values": 3}
_FORMS = ({"embeddings"}, {"keys", "values"})


@dataclass(frozen=True)
class SoftPrompt:
    """`embeddings` [tokens, hidden]; or `keys` and `values` [layers, tokens, kv heads * head size], rotated already."""

    embeddings: Tensor | None = None
    keys: Tensor | None = None
    values: Tensor | None = None

    @property
    def length(self) -> int:
        """How many tokens of the context it takes."""
        if self.embeddings is not None:
            return self.embeddings.shape[0]
        return self.keys.shape[1] if self.keys is not None else 0

    def parts(self) -> dict[str, Tensor]:
        """What it consists of, by name."""
        found = {"embeddings": self.embeddings, "keys": self.keys, "values": self.values}
        return {name: tensor for name, tensor in found.items() if tensor is not None}


def write_prompt(prompt: SoftPrompt, dtype: str = "bf16") -> bytes:
    """The file of a soft prompt: the same prompt gives the same bytes."""
    _agree(prompt, "the soft prompt to write")
    tensors = []
    for name, tensor in prompt.parts().items():
        stored = tensor.detach().cpu().to(DTYPES[dtype])
        if not torch.isfinite(stored).all():
            raise BadTensors(f"The tensor {name} of the soft prompt has values that are not finite.")
        tensors.append(packed(name, stored))
    return write_tensors(tensors, {"format": FORMAT})


def read_prompt(buffer: Buffer, what: str = "prompt.safetensors") -> SoftPrompt:
    """The soft prompt in a file: views of `buffer`, checked by name, rank, shape and value."""
    buffer = writable(buffer)
    entries, metadata = read_header(buffer, what)
    expect_format(metadata, FORMAT, what)
    _check_names(entries.keys(), what)
    for name, entry in entries.items():
        if len(entry.shape) != _RANKS[name] or entry.dtype not in ("BF16", "F32"):
            raise BadTensors(f"{what}: {name} must have {_RANKS[name]} dimensions of BF16 or F32.")
    check_finite(buffer, entries, what)
    prompt = SoftPrompt(**views(buffer, entries, what))
    _agree(prompt, what)
    return prompt


def _check_names(names: Collection[str], what: str) -> None:
    if set(names) not in _FORMS:
        told = ", ".join(sorted(names))[:120] or "nothing"
        raise BadTensors(f"{what} holds {told}; a soft prompt is embeddings, or keys and values.")


def _agree(prompt: SoftPrompt, what: str) -> None:
    _check_names(prompt.parts().keys(), what)
    for name, tensor in prompt.parts().items():
        if tensor.dim() != _RANKS[name] or not tensor.numel():
            raise BadTensors(f"{what}: {name} is {list(tensor.shape)}, which is no soft prompt.")
    if prompt.keys is not None and prompt.values is not None and prompt.keys.shape != prompt.values.shape:
        raise BadTensors(
            f"{what}: keys are {list(prompt.keys.shape)} and values {list(prompt.values.shape)}; they must agree."
        )
