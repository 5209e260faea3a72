"""The adapter of a variant, out of its one or two files: `slots.safetensors`, `prompt.safetensors`, or both."""

from collections.abc import Callable, Collection
from dataclasses import replace

from runtime.artifact.prompt import read_prompt
from runtime.artifact.slots import SlotRecord, read_slots
from runtime.artifact.tensors import Buffer

SLOTS, PROMPT = "slots.safetensors", "prompt.safetensors"


def read_adapter(names: Collection[str], read: Callable[[str], Buffer]) -> SlotRecord:
    """The record, its soft prompt with it; `names`: which files there are, `read` gives the bytes of one."""
    record = read_slots(read(SLOTS)) if SLOTS in names else SlotRecord("prompt")
    return replace(record, prompt=read_prompt(read(PROMPT))) if PROMPT in names else record
