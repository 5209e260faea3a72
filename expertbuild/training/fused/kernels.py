"""The arithmetic of a decoder layer as a handful of differentiable operations with hand-written gradients.

Autograd over the textbook formulas spends more than half of a small model's step moving small tensors about. Each
operation here saves only what its gradient needs and runs few passes over memory. Norms and softmax are computed in
float32, matrix products in the dtype of what comes in. Frozen weights get no gradient: a norm's gain is a constant.

Deliberately not here: dropout, sliding windows, anything that is not needed to train an adapter.
"""

from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

# Beyond this length the score matrix is worth avoiding; below it, plain products are 4x faster than the CPU's
# flash kernel in bf16 (6.8 against 27 ms for 12 sequences of 170 tokens and 4 heads of 64).
LONGEST_DENSE = 1024


def apply(function: type[Function], *inputs: Any) -> Tensor:
    """`function.apply`, with the type that torch does not give it."""
    out: Tensor = cast(Any, function).apply(*inputs)
    return out


class RmsNorm(Function):
    """x * gain / rms(x), given out in `dtype`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, gain: Tensor, epsilon: float, dtype: torch.dtype) -> Tensor:
        wide = x.float()
        scale = torch.linalg.vector_norm(wide, dim=-1, keepdim=True).square_()
        scale = scale.div_(x.shape[-1]).add_(epsilon).rsqrt_()
        ctx.save_for_backward(x, scale, gain)
        out: Tensor = (wide * scale).mul_(gain).to(dtype)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, scale, gain = ctx.saved_tensors
        normal = x.float() * scale
        out = grad * gain.float()
        inner = torch.linalg.vecdot(out, normal).unsqueeze_(-1).div_(-x.shape[-1])
        return out.addcmul_(normal, inner).mul_(scale).to(x.dtype), None, None, None


class Rotate(Function):
    """Rotary position embedding of [tokens, heads, size]; cos and sin are [tokens, 1, size/2] in float32."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        ctx.save_for_backward(cos, sin)
        return _rotate(x, cos, sin)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        cos, sin = ctx.saved_tensors
        return _rotate(grad, cos, -sin), None, None


def _rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    half = x.shape[-1] // 2
    left, right = x[..., :half], x[..., half:]
    out = torch.empty_like(x)
    torch.addcmul(left * cos, right, sin, value=-1, out=out[..., :half])
    torch.addcmul(right * cos, left, sin, out=out[..., half:])
    return out


class SwiGlu(Function):
    """silu(gate) * up, where both come side by side out of one product."""

    @staticmethod
    def forward(ctx: Any, both: Tensor) -> Tensor:
        gate, up = both.chunk(2, dim=-1)
        ctx.save_for_backward(both)
        return torch.nn.functional.silu(gate).mul_(up)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        gate, up = ctx.saved_tensors[0].chunk(2, dim=-1)
        out = torch.empty_like(ctx.saved_tensors[0])
        to_gate, to_up = out.chunk(2, dim=-1)
        torch.mul(grad, torch.nn.functional.silu(gate), out=to_up)
        to_gate.copy_(torch.ops.aten.silu_backward(grad * up, gate))
        return out


class CausalAttention(Function):
    """Softmax attention of [samples * kv heads, group * length, size] with keys and values [samples * kv heads, length, size].

    Samples are padded on the right: no real token ever looks at padding, so there is no mask but the causal one.
    """

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, mask: Tensor, scale: float) -> Tensor:
        weights = torch.baddbmm(mask, q, k.transpose(1, 2), alpha=scale)
        weights = torch.softmax(weights, -1)
        out = torch.bmm(weights, v)
        ctx.save_for_backward(q, k, v, weights)
        ctx.scale = scale
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v, weights = ctx.saved_tensors
        to_v = torch.bmm(weights.transpose(1, 2), grad)
        to_weights = torch.bmm(grad, v.transpose(1, 2))
        to_weights = torch._softmax_backward_data(to_weights, weights, -1, weights.dtype)
        to_q = torch.bmm(to_weights, k).mul_(ctx.scale)
        to_k = torch.bmm(to_weights.transpose(1, 2), q).mul_(ctx.scale)
        return to_q, to_k, to_v, None, None


class Linear(Function):
    """x W^T + bias, with W and bias in float32 for the gradient and once more, narrow, for the product."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, narrow: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, narrow)
        return torch.nn.functional.linear(x, narrow, None if bias is None else bias.to(x.dtype))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, narrow = ctx.saved_tensors
        to_x = grad @ narrow if ctx.needs_input_grad[0] else None
        to_weight = (grad.t() @ x).float() if ctx.needs_input_grad[1] else None
        to_bias = grad.float().sum(0) if ctx.needs_input_grad[3] else None
        return to_x, to_weight, None, to_bias


class ThinLinear(Function):
    """x W^T + bias where W has low-rank updates in it; only those get gradients.

    After the bias come, for each group of W's rows: A [r, in], B [rows, r] (scaled, so that the update is B A), and
    the gain of the rows, or None. The gradient of a gain is that of multiplying the rows' output by it, where it is
    `gain` already.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, narrow: Tensor, bias: Tensor | None, *parts: Tensor | None) -> Tensor:
        out = torch.nn.functional.linear(x, narrow)
        ctx.kept = [None if part is None else part.detach() for part in parts]
        ctx.save_for_backward(x, narrow, out if any(gain is not None for gain in parts[2::3]) else None)
        return out if bias is None else out + bias

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, narrow, out = ctx.saved_tensors
        downs, ups, gains = ctx.kept[0::3], ctx.kept[1::3], ctx.kept[2::3]
        inner = x @ torch.cat(downs).to(x.dtype).t()
        outer = torch.empty_like(inner)
        given: list[Tensor | None] = []
        row = column = 0
        for down, up, gain in zip(downs, ups, gains, strict=True):
            rows, columns = slice(row, row + up.shape[0]), slice(column, column + down.shape[0])
            row, column = rows.stop, columns.stop
            mine = grad[:, rows]
            torch.mm(mine, up.to(x.dtype), out=outer[:, columns])
            to_gain = None if gain is None else (mine * out[:, rows]).sum(0, dtype=torch.float32) / gain
            given += [None, (mine.t() @ inner[:, columns]).float(), to_gain]
        to_downs = (outer.t() @ x).float().split([down.shape[0] for down in downs])
        given[0::3] = to_downs
        to_x = grad @ narrow if ctx.needs_input_grad[0] else None
        return to_x, None, None, *given
