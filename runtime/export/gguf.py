"""GGUF, the form of llama.cpp: a base with an expert worked in, or a LoRA as an adapter for a base exported before.

Written through the `gguf` package. Llama's queries and keys are stored there in pairs side by side, so their rows change
places; Qwen's do not.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from runtime.artifact.slots import SlotRecord
from runtime.engine.base import read_json
from runtime.engine.shape import Shape
from runtime.errors import Problem
from runtime.export.errors import CannotExport
from runtime.export.lora import low_rank
from runtime.export.merge import merged_tensors
from runtime.export.tokens import add_no_tokens, add_tokens

_MODULES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
_WHOLE = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}


def write_model(base: Path, record: SlotRecord | None, file: Path, *, dtype: str, name: str, tokenizer: bool) -> None:
    """The base with the expert worked in; `dtype` of its matrices: fp32, bf16 or fp16. Norms are float32."""
    shape = Shape.read(base)
    _refuse(shape, base)
    writer = _writer(file, shape.architecture)
    _describe(writer, shape, base, name, dtype)
    if tokenizer:
        add_tokens(writer, base, shape.vocab)
    else:
        add_no_tokens(writer, shape.vocab)
    if shape.rope.kind == "llama3":
        plain = torch.tensor(shape.theta) ** -(torch.arange(0, shape.head_dim, 2) / shape.head_dim)
        writer.add_tensor("rope_freqs.weight", (plain / torch.tensor(shape.rope.frequencies)).numpy())
    for full, tensor, _ in merged_tensors(base, record):
        if full.endswith("rotary_emb.inv_freq") or (shape.tied and full == "lm_head.weight"):
            continue
        module, _, part = full.rpartition(".")
        _add(writer, f"{_name(module)}.{part}", _arranged(shape, module, tensor), dtype)
    _finish(writer)


def write_adapter(base: Path, record: SlotRecord, file: Path, *, name: str) -> None:
    """A LoRA for llama.cpp (--lora), in float32."""
    shape = Shape.read(base)
    plain = low_rank(record, "a GGUF adapter")
    writer = _writer(file, shape.architecture)
    writer.add_type("adapter")
    writer.add_name(name)
    writer.add_string("adapter.type", "lora")
    # llama.cpp scales by alpha / rank, where the rank is each tensor's own: one alpha cannot serve several ranks.
    rank = max(len(a) for a, _ in plain.values())
    writer.add_float32("adapter.lora.alpha", float(rank))
    for module, (a, b) in plain.items():
        scale = len(a) / rank
        _add(writer, f"{_name(module)}.weight.lora_a", a, "fp32")
        _add(writer, f"{_name(module)}.weight.lora_b", _arranged(shape, module, b * scale), "fp32")
    _finish(writer)


def _refuse(shape: Shape, base: Path) -> None:
    """What llama.cpp would read as something else."""
    if shape.architecture != "llama" and (shape.out_bias or (shape.architecture == "qwen3" and shape.qkv_bias)):
        raise CannotExport(
            f"GGUF has no place for the biases of this {shape.architecture} model.", hint="Say format=merged."
        )
    if shape.mlp_bias:
        raise CannotExport("GGUF has no place for biases in the feed-forward layers.", hint="Say format=merged.")
    if shape.rope.kind not in _ROPES:
        raise CannotExport(f"GGUF cannot say the rope type {shape.rope.kind}.", hint="Say format=merged.")
    told = _told(base)
    if shape.rope.kind == "yarn" and (strange := {"attention_factor", "beta_fast", "beta_slow", "mscale", "mscale_all_dim", "truncate"} & told.keys()):  # fmt: skip
        raise CannotExport(f"GGUF's yarn has no {min(strange)}.", hint="Say format=merged.")


def _describe(writer: Any, shape: Shape, base: Path, name: str, dtype: str) -> None:
    import gguf

    writer.add_name(name)
    writer.add_block_count(shape.layers)
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.hidden)
    writer.add_feed_forward_length(shape.inner)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_key_length(shape.head_dim)
    writer.add_value_length(shape.head_dim)
    writer.add_rope_dimension_count(shape.head_dim)
    writer.add_layer_norm_rms_eps(shape.norm_eps)
    writer.add_rope_freq_base(shape.theta)
    kinds = {"fp32": "ALL_F32", "fp16": "MOSTLY_F16", "bf16": "MOSTLY_BF16"}
    writer.add_file_type(getattr(gguf.LlamaFileType, kinds[dtype]))
    _ROPES[shape.rope.kind](writer, _told(base), shape)


def _linear(writer: Any, told: dict[str, Any], shape: Shape) -> None:
    import gguf

    writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
    writer.add_rope_scaling_factor(float(told["factor"]))


def _yarn(writer: Any, told: dict[str, Any], shape: Shape) -> None:
    import gguf

    original = int(told.get("original_max_position_embeddings") or shape.context)
    writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
    writer.add_rope_scaling_factor(float(told.get("factor") or shape.context / original))
    writer.add_rope_scaling_orig_ctx_len(original)


def _nothing(writer: Any, told: dict[str, Any], shape: Shape) -> None:
    """default: nothing to say; llama3: said by the tensor of its factors."""


_ROPES: dict[str, Callable[[Any, dict[str, Any], Shape], None]] = {
    "default": _nothing,
    "linear": _linear,
    "yarn": _yarn,
    "llama3": _nothing,
}


def _told(base: Path) -> dict[str, Any]:
    config = read_json(base / "config.json")
    return dict(config.get("rope_scaling") or {}) | dict(config.get("rope_parameters") or {})


def _name(module: str) -> str:
    if module in _WHOLE:
        return _WHOLE[module]
    number, _, rest = module.removeprefix("model.layers.").partition(".")
    if not number.isdigit() or rest not in _MODULES:
        raise CannotExport(f"GGUF has no name for the module {module}.")
    return f"blk.{int(number)}.{_MODULES[rest]}"


def _arranged(shape: Shape, module: str, tensor: Tensor) -> Tensor:
    """Llama's halves of each head, row by row next to each other."""
    heads = {"q_proj": shape.heads, "k_proj": shape.kv_heads}.get(module.rsplit(".", 1)[-1])
    if shape.architecture != "llama" or heads is None:
        return tensor
    size = tensor.shape
    return tensor.reshape(heads, 2, shape.head_dim // 2, *size[1:]).transpose(1, 2).reshape(size)


def _writer(file: Path, architecture: str) -> Any:
    try:
        import gguf
    except ImportError as error:
        raise Problem("writing GGUF needs the gguf package.", hint="pip install 'expertbuild[export]'") from error
    return gguf.GGUFWriter(file, architecture, use_temp_file=True)  # not all of it in memory


def _add(writer: Any, name: str, tensor: Tensor, dtype: str) -> None:
    import gguf

    tensor = tensor.contiguous()
    if tensor.dim() == 1 or dtype == "fp32":
        writer.add_tensor(name, tensor.float().numpy())
    elif dtype == "fp16":
        writer.add_tensor(name, tensor.to(torch.float16).numpy())
    else:
        raw = tensor.to(torch.bfloat16).view(torch.uint8).numpy()
        writer.add_tensor(name, raw, raw_shape=raw.shape, raw_dtype=gguf.GGMLQuantizationType.BF16)


def _finish(writer: Any) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
