"""Weights from safetensors into the few matrices the forward pass multiplies with.

Query, key and value stand in one matrix, gate and up in another: a decode step is bound by the number of calls and
the bytes read, not by arithmetic. Each fused matrix remembers its parts, since adapters name the original modules.
How a matrix is held and multiplied is the business of `matrix`; a base that is stored in NF4 is made whole by `nf4`.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from runtime.engine.base import weight_files
from runtime.engine.errors import BaseRefused
from runtime.engine.matrix import HEADS, Matrix, hold
from runtime.engine.nf4 import make_whole, parts_of
from runtime.engine.shape import Shape


@dataclass(frozen=True)
class Part:
    """One original module inside a fused matrix: rows `start` to `stop` of its output."""

    module: str  # as in the state dict, without ".weight"
    start: int
    stop: int


@dataclass(frozen=True)
class Linear:
    """W, its bias kept apart: adapters scale W x, never the bias."""

    name: str
    matrix: Matrix
    bias: Tensor | None
    parts: tuple[Part, ...]

    def __call__(self, x: Tensor) -> Tensor:
        return self.matrix(x, self.bias)


@dataclass(frozen=True)
class Layer:
    norm_in: Tensor
    qkv: Linear
    norm_heads: Tensor | None  # [heads + kv_heads, head_dim]: queries, then keys
    out: Linear
    norm_mlp: Tensor
    gate_up: Linear
    down: Linear

    def linears(self) -> tuple[Linear, ...]:
        return self.qkv, self.out, self.gate_up, self.down


@dataclass(frozen=True)
class Weights:
    embedding: Tensor
    layers: tuple[Layer, ...]
    norm: Tensor
    head: Matrix

    def modules(self) -> Iterator[tuple[str, Linear, Part]]:
        """Every module an adapter may target."""
        for layer in self.layers:
            for linear in layer.linears():
                for part in linear.parts:
                    yield part.module, linear, part


def load_weights(
    directory: Path, shape: Shape, *, device: torch.device, dtype: torch.dtype, weights: str = "auto"
) -> Weights:
    """Reads and checks every tensor: names, shapes, finite values. Rounds once: to `dtype`, or to how it is held."""
    with ExitStack() as open_files:
        places = {}
        for file in weight_files(directory):
            try:
                opened = open_files.enter_context(safe_open(file, framework="pt"))
            except (SafetensorError, OSError) as error:
                raise BaseRefused(f"is not a safetensors file ({error}).", where=str(file)) from error
            places.update(dict.fromkeys(opened.keys(), opened))
        reader = _Reader(places, device, dtype, weights)
        assembled = _assemble(reader, shape)
        reader.refuse_leftovers(shape)
    return assembled


class _Reader:
    def __init__(self, places: Mapping[str, safe_open], device: torch.device, dtype: torch.dtype, weights: str) -> None:
        self._places, self._device, self._dtype, self._weights = places, device, dtype, weights
        self._taken: set[str] = set()

    def take(self, name: str, *size: int) -> Tensor:
        if name not in self._places:
            raise BaseRefused(f"the weights have no tensor {name}.")
        self._taken.add(name)
        tensor = self._read(name)
        if parts := parts_of(name, self._places):
            self._taken.update(parts)
            tensor = make_whole(name, tensor, {part: self._read(part) for part in parts})
        if tuple(tensor.shape) != size:
            raise BaseRefused(f"tensor {name} has shape {list(tensor.shape)}, not {list(size)}.")
        if not tensor.is_floating_point():
            raise BaseRefused(f"tensor {name} holds {tensor.dtype}, not floating-point numbers.")
        tensor = tensor.to(self._device, self._dtype)
        # A sum is finite only if each term is: one pass, no copy. Overflow of finite float16 terms is avoided.
        if not torch.isfinite(tensor.sum(dtype=torch.float32)):
            raise BaseRefused(f"tensor {name} holds values that are not finite.")
        return tensor

    def embedding(self, name: str, *size: int) -> Tensor:
        """Looked up, not multiplied: in bfloat16 where the matrices are held in fewer bytes than are computed with."""
        table = self.take(name, *size)
        return table if self._weights == "auto" else table.to(torch.bfloat16)

    def hold(self, weight: Tensor, *, head: bool = False) -> Matrix:
        return hold(weight, HEADS.get(self._weights, self._weights) if head else self._weights)

    def _read(self, name: str) -> Tensor:
        tensor: Tensor = self._places[name].get_tensor(name)  # type: ignore[no-untyped-call]
        return tensor

    def linear(self, name: str, modules: Mapping[str, int], columns: int, *, bias: bool) -> Linear:
        weights, biases, parts, at = [], [], [], 0
        for module, rows in modules.items():
            weights.append(self.take(f"{module}.weight", rows, columns))
            if bias:
                biases.append(self.take(f"{module}.bias", rows))
            parts.append(Part(module, at, at + rows))
            at += rows
        weight = weights[0] if len(weights) == 1 else torch.cat(weights)
        return Linear(name, self.hold(weight), torch.cat(biases) if bias else None, tuple(parts))

    def refuse_leftovers(self, shape: Shape) -> None:
        """A tensor nobody asked for means a model that computes something else than we would."""
        spare = {"lm_head.weight"} if shape.tied else set()
        left = {
            name
            for name in self._places
            if name not in self._taken | spare and not name.endswith("rotary_emb.inv_freq")
        }
        if left:
            raise BaseRefused(f"the weights hold {sorted(left)[0]}, which a {shape.architecture} model does not use.")


def _assemble(reader: _Reader, shape: Shape) -> Weights:
    hidden, inner, size = shape.hidden, shape.inner, shape.head_dim
    layers = []
    for number in range(shape.layers):
        at = f"model.layers.{number}."
        attention, mlp = at + "self_attn.", at + "mlp."
        norm_heads = None
        if shape.qk_norm:
            queries = reader.take(attention + "q_norm.weight", size).expand(shape.heads, size)
            keys = reader.take(attention + "k_norm.weight", size).expand(shape.kv_heads, size)
            norm_heads = torch.cat((queries, keys))
        qkv = {
            attention + "q_proj": shape.heads * size,
            attention + "k_proj": shape.kv_heads * size,
            attention + "v_proj": shape.kv_heads * size,
        }
        gate_up = {mlp + "gate_proj": inner, mlp + "up_proj": inner}
        layers.append(
            Layer(
                norm_in=reader.take(at + "input_layernorm.weight", hidden),
                qkv=reader.linear(f"{number}.qkv", qkv, hidden, bias=shape.qkv_bias),
                norm_heads=norm_heads,
                out=reader.linear(
                    f"{number}.out",
                    {attention + "o_proj": hidden},
                    shape.heads * size,
                    bias=shape.out_bias,
                ),
                norm_mlp=reader.take(at + "post_attention_layernorm.weight", hidden),
                gate_up=reader.linear(f"{number}.gate_up", gate_up, hidden, bias=shape.mlp_bias),
                down=reader.linear(
                    f"{number}.down",
                    {mlp + "down_proj": hidden},
                    inner,
                    bias=shape.mlp_bias,
                ),
            )
        )
    embedding = reader.embedding("model.embed_tokens.weight", shape.vocab, hidden)
    norm = reader.take("model.norm.weight", hidden)
    head = embedding if shape.tied else reader.take("lm_head.weight", shape.vocab, hidden)
    return Weights(embedding, tuple(layers), norm, reader.hold(head, head=True))
