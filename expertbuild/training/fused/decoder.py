"""One pass over a packed batch, for Qwen3, Qwen2 and Llama shapes, with the adapter merged into the weights.

An adapter is merged once per optimiser step, not multiplied per token: for a base of a few million parameters and
thousands of tokens per step, making W' (and pushing the gradient of W' back into the adapter) is far cheaper than an
extra path through every layer. The gradient is exactly the one PEFT computes; `tests/training` shows both.

It reads the modules of the transformers model by name and takes over nothing else: the residual stream stays in
float32, products run in `dtype`. What it does not know, `unfit` names, and the plain model is used instead.
"""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from expertbuild.training.adapters import AdapterKind, Thin
from expertbuild.training.fused.attention import Ungather, attend, layout
from expertbuild.training.fused.kernels import Linear, RmsNorm, Rotate, SwiGlu, ThinLinear, apply
from expertbuild.training.packing import Pack

ALIGNED = 64
FAMILIES = ("qwen3", "qwen2", "llama")


class Merged:
    """The weights of one or more layers that read the same input, as one matrix with the adapter in it.

    `parts` have the graph back to the adapter's parameters; the leaves have the same values and gather a step's gradient.
    """

    def __init__(self, parts: list[tuple[Tensor, Tensor | None]], dtype: torch.dtype) -> None:
        weights = [weight for weight, _ in parts]
        self.weight, self.leaf = _leaf(torch.cat(weights) if len(weights) > 1 else weights[0])
        self.narrow = self.leaf.detach().to(dtype)
        self.bias = self.bias_leaf = None
        if any(bias is not None for _, bias in parts):
            biases = [weight.new_zeros(weight.shape[0]) if bias is None else bias.float() for weight, bias in parts]
            self.bias, self.bias_leaf = _leaf(torch.cat(biases))

    def __call__(self, x: Tensor) -> Tensor:
        return apply(Linear, x, self.leaf, self.narrow, self.bias_leaf)

    def push(self) -> None:
        """Hand the gathered gradient on to the adapter."""
        _push([(self.weight, self.leaf), (self.bias, self.bias_leaf)])


class MergedThin:
    """The same for adapters of low rank: the gradient goes straight to the thin matrices.

    The gradient of the whole matrix, which costs as much as the layer itself, is never made: 9 % (DoRA) to 14 %
    (LoRA) more tokens per second on a base of 256 x 768.
    """

    def __init__(self, parts: list[Thin], dtype: torch.dtype) -> None:
        self.whole = [(part.down, part.up, part.gain) for part in parts]
        self.leaves = [tuple(None if each is None else _leaf(each)[1] for each in part) for part in self.whole]
        weights = [part.weight for part in parts]
        self.narrow = (torch.cat(weights) if len(weights) > 1 else weights[0]).to(dtype)
        biases = [part.weight.new_zeros(part.weight.shape[0]) if part.bias is None else part.bias for part in parts]
        self.bias = torch.cat(biases).to(dtype) if any(part.bias is not None for part in parts) else None

    def __call__(self, x: Tensor) -> Tensor:
        leaves = [leaf for part in self.leaves for leaf in part]
        return apply(ThinLinear, x, self.narrow, self.bias, *leaves)

    def push(self) -> None:
        """Hand the gathered gradients on to the adapter."""
        _push(
            [
                pair
                for whole, leaves in zip(self.whole, self.leaves, strict=True)
                for pair in zip(whole, leaves, strict=True)
            ]
        )


def _leaf(tensor: Tensor) -> tuple[Tensor, Tensor]:
    return tensor, tensor.detach().requires_grad_(tensor.requires_grad)


def _push(pairs: list[tuple[Tensor | None, Tensor | None]]) -> None:
    reached = [
        (whole, leaf.grad) for whole, leaf in pairs if whole is not None and leaf is not None and leaf.grad is not None
    ]
    if reached:
        torch.autograd.backward([whole for whole, _ in reached], [grad for _, grad in reached])


@dataclass
class LayerWeights:
    qkv: Merged | MergedThin
    out: Merged | MergedThin
    gate_up: Merged | MergedThin
    down: Merged | MergedThin


class Decoder:
    """The pass. `begin`, then any number of `logits` with backward, then `end`."""

    shares = True

    def __init__(self, model: Any, kind: AdapterKind, dtype: torch.dtype) -> None:
        self.model = model
        self.kind = kind
        self.dtype = dtype
        self.weights: list[LayerWeights] = []
        self.head = model.lm_head.weight.detach().to(dtype)

    def begin(self) -> None:
        """Merge the adapter as it stands."""
        self.weights = [self._merge(layer) for layer in self.model.model.layers]

    def end(self) -> None:
        """Give the adapter's parameters the gradients that the passes since `begin` left."""
        for layer in self.weights:
            for merged in (layer.qkv, layer.out, layer.gate_up, layer.down):
                merged.push()
        self.weights = []

    def logits(self, pack: Pack) -> Tensor:
        """Float32 logits at the positions whose next token is learned."""
        core, config = self.model.model, self.model.config
        learned = len(pack.where)
        pack = _aligned(pack)
        hidden = core.embed_tokens.weight.detach()[pack.tokens].float()
        cos, sin = _rotation(core, pack)
        table = layout(pack.lengths, pack.common, config.num_attention_heads, config.num_key_value_heads, self.dtype)
        last = len(self.weights) - 1
        for number, (layer, weights) in enumerate(zip(core.layers, self.weights, strict=True)):
            attention = layer.self_attn
            size = attention.head_dim
            mixed = weights.qkv(self._norm(layer.input_layernorm, hidden))
            widths = [config.num_attention_heads * size] + [config.num_key_value_heads * size] * 2
            q, k, v = (part.reshape(part.shape[0], -1, size) for part in torch.split(mixed, widths, 1))
            if hasattr(attention, "q_norm"):
                q, k = self._norm(attention.q_norm, q), self._norm(attention.k_norm, k)
            q, k = apply(Rotate, q, cos, sin), apply(Rotate, k, cos, sin)
            seen = attend(q, k, v, table)
            if number == last:  # above the last attention only what is learned matters
                seen, hidden = apply(Ungather, seen, pack.where), apply(Ungather, hidden, pack.where)
            hidden = hidden + weights.out(seen)
            inner = weights.gate_up(self._norm(layer.post_attention_layernorm, hidden))
            hidden = hidden + weights.down(apply(SwiGlu, inner))
        out: Tensor = (self._norm(core.norm, hidden) @ self.head.t()).float()
        return out[:learned]

    def _norm(self, norm: Any, x: Tensor) -> Tensor:
        out: Tensor = apply(RmsNorm, x, norm.weight.detach(), norm.variance_epsilon, self.dtype)
        return out

    def _merge(self, layer: Any) -> LayerWeights:
        attention, feedforward = layer.self_attn, layer.mlp
        return LayerWeights(
            self._join(attention.q_proj, attention.k_proj, attention.v_proj),
            self._join(attention.o_proj),
            self._join(feedforward.gate_proj, feedforward.up_proj),
            self._join(feedforward.down_proj),
        )

    def _join(self, *layers: Any) -> Merged | MergedThin:
        thin = [self._thin(layer) for layer in layers]
        if all(part is not None for part in thin):
            return MergedThin([part for part in thin if part is not None], self.dtype)
        return Merged([self._effective(layer) for layer in layers], self.dtype)

    def _thin(self, layer: Any) -> Thin | None:
        """The layer as a low-rank update, where its kind is one and the rank is low enough to pay."""
        factors = getattr(self.kind, "thin", None)
        if factors is None or isinstance(layer, torch.nn.Linear):
            return None
        found: Thin = factors(layer)
        return found if 3 * found.down.shape[0] * sum(found.weight.shape) < found.weight.numel() else None

    def _effective(self, layer: Any) -> tuple[Tensor, Tensor | None]:
        if isinstance(layer, torch.nn.Linear):
            bias = layer.bias
            return layer.weight.detach().float(), None if bias is None else bias.detach()
        weight, bias = self.kind.effective(layer)
        return weight, bias


def _aligned(pack: Pack) -> Pack:
    """The pack with one more sample of nothing, so that its sizes are multiples of ALIGNED.

    The library behind the products prepares and keeps code for every shape it meets; packs of every size made it
    slower by a tenth and grew by half a gigabyte.
    """
    empty = -len(pack.tokens) % ALIGNED
    if empty:
        pack = Pack(
            torch.cat([pack.tokens, torch.zeros(empty, dtype=torch.int64)]),
            torch.cat([pack.positions, torch.arange(empty)]),
            (*pack.lengths, empty),
            (*pack.common, 0),
            pack.where,
            pack.targets,
        )
    # Nothing is ever learned at the last position, so its gradient may be written several times: it is zero.
    spare = pack.where.new_full((-len(pack.where) % ALIGNED,), len(pack.tokens) - 1)
    return replace(pack, where=torch.cat([pack.where, spare]))


def unfit(model: Any) -> str | None:
    """Why this pass cannot run this model, or None."""
    config = model.config
    if config.model_type not in FAMILIES:
        return f"the fused pass does not know {config.model_type}"
    if getattr(config, "hidden_act", "silu") != "silu":
        return f"the fused pass does not know the activation {config.hidden_act}"
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    if kinds != {"full_attention"}:
        return "the fused pass does not know sliding windows"
    return None


def _rotation(core: Any, pack: Pack) -> tuple[Tensor, Tensor]:
    """cos and sin as [tokens, 1, size / 2]; transformers knows every kind of RoPE scaling."""
    some = torch.zeros(1, device=pack.tokens.device)
    cos, sin = core.rotary_emb(some, pack.positions.unsqueeze(0))
    half = cos.shape[-1] // 2
    return cos[0, :, None, :half].contiguous(), sin[0, :, None, :half].contiguous()
