"""llama.cpp as the tests ask it, through the bindings of cyllama: logits of a GGUF file, its tokens, its adapters.

The bindings take an adapter in, with llama.cpp's own checks of names and shapes, but cannot switch it on; `fold` adds it to
the base's tensors by llama.cpp's rule, so that its numbers can be compared as well.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch


@contextmanager
def opened(file: Path) -> Iterator[Any]:
    """The model of a file; the test is skipped where the bindings are not installed."""
    library = pytest.importorskip("cyllama.llama.llama_cpp")

    class Model(library.LlamaModel):  # type: ignore[misc, name-defined]
        n_vocab = property(lambda self: self.get_vocab().n_vocab)  # read by the bindings, and missing there

    library.ggml_backend_load_all()
    library.llama_backend_init()
    settings = library.LlamaModelParams()
    settings.n_gpu_layers = 0
    yield Model(str(file), settings)


def logits(model: Any, tokens: list[int]) -> torch.Tensor:
    """After the last token; keys and values in float32."""
    from cyllama.llama import llama_cpp as library

    settings = library.LlamaContextParams()
    settings.n_ctx = settings.n_batch = 256
    settings.n_threads = settings.n_threads_batch = 1
    settings.type_k = settings.type_v = settings.flash_attn_type = 0
    context = library.LlamaContext(model, settings)
    batch = library.LlamaBatch(n_tokens=256, embd=0, n_seq_max=1)
    batch.set_batch(tokens, 0, False)
    batch.set_last_logits_to_true()
    assert context.decode(batch) == 0
    return torch.tensor(context.get_logits_ith(-1))


def fold(base: Path, adapter: Path, target: Path) -> Path:
    """The base's file with `alpha / rank * B A` added to each adapted tensor."""
    import gguf

    shutil.copyfile(base, target)
    parts = gguf.GGUFReader(adapter)
    alpha = float(parts.fields["adapter.lora.alpha"].contents())
    found = {tensor.name: tensor.data for tensor in parts.tensors}
    whole = gguf.GGUFReader(target, "r+")
    for tensor in whole.tensors:
        if f"{tensor.name}.lora_a" in found:
            a, b = found.pop(f"{tensor.name}.lora_a"), found.pop(f"{tensor.name}.lora_b")
            tensor.data[:] += alpha / len(a) * (b @ a)
    assert not found
    whole.data.flush()
    return target
