"""Matrices in fewer bits: half to a sixth of float32's bytes, which is what a decode step on a CPU waits for.

int8: each row of W has one scale, each row of x is rounded to int8 with a scale of its own, the sum is exact. Rows stay
independent of their neighbours, so a batch gives each request the numbers it gets alone. int4: groups of 32 columns
have a scale and an offset in bfloat16; x is taken in bfloat16.

`Int8`, `Int8Few`, `Int4` and `Float16` use what torch has for CPUs. The twins, which do the same arithmetic in plain
torch, are what the tests compare with, and the way on machines where the fast forms do not exist or fail their trial.

Milliseconds for 6144 x 1024 (gate and up of Qwen3-0.6B) on one Sapphire Rapids core, at 1, 8, 64 and 512 rows, best of
5, memory larger than the cache of a core: float32 1.9, 2.2, 6.4, 42; bfloat16 1.1, 1.1, 1.6, 8.6; int8 0.5, 0.6, 1.0, 4.6.
`_weight_int8pack_mm` 0.7, 1.8, 12, 88; torch's int4 kernel 0.4, 1.3, 10, 82: it is taken for few rows only.
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache

import torch
from torch import Tensor

GROUP = 32  # columns of W that share a scale and an offset in int4
# Up to here torch's int4 kernel is faster than making W bfloat16 again and multiplying with that (6144 x 1024: 31 ms
# of processor time either way; at 512 rows 84 against 44).
FEW_ROWS = 192
_PIECE = 1 << 18  # numbers that are rounded at a time
FLOAT16_MOST = 65504.0
_LEAST = 1e-30  # instead of dividing by zero where a whole row is zero


def in_pieces(rounding: Callable[[Tensor], tuple[Tensor, ...]], weight: Tensor) -> tuple[Tensor, ...]:
    """`rounding` of some rows at a time: what it needs in between stays small, and in memory that is at hand."""
    rows = max(1, _PIECE // weight.shape[1])
    pieces = [rounding(piece.float()) for piece in weight.split(rows)]  # type: ignore[no-untyped-call]
    return tuple(torch.cat(each) for each in zip(*pieces, strict=True))


def round_rows(x: Tensor) -> tuple[Tensor, Tensor]:
    """Each row as int8, and its scale [rows, 1]. A row that is not finite has a scale that is not finite."""
    scale = x.abs().amax(-1, keepdim=True).float().clamp_min(_LEAST).div_(127)
    return (x / scale).round_().clamp_(-127, 127).to(torch.int8), scale


class Int8Twin:
    """W in int8 by rows, multiplied in float32 (exact up to 2 ** 24, and as near as float32 beyond)."""

    def __init__(self, weight: Tensor) -> None:
        self.outputs, self.inputs = weight.shape
        self._weight, scale = in_pieces(round_rows, weight)
        self._scale = scale.squeeze(1)
        self.nbytes = self._weight.nbytes + self._scale.nbytes

    def __call__(self, x: Tensor, bias: Tensor | None = None) -> Tensor:
        rounded, scale = round_rows(x)
        product = (rounded.float() @ self._weight.t().float()).mul_(self._scale).mul_(scale)
        return _with(product, bias, x.dtype)


class Int8:
    """W in int8 in oneDNN's layout, on a CPU; sums in int32.

    x goes in as bytes around 128: for signed ones oneDNN has no kernel without AMX and answers with a reference loop,
    which on a Zen 4 core took 133 ms of processor time for one row of 6144 x 1024, where bytes take 0.5.
    """

    def __init__(self, weight: Tensor) -> None:
        self.outputs, self.inputs = weight.shape
        rounded, scale = in_pieces(round_rows, weight)
        self._scale, self._zero = scale.squeeze(1).contiguous(), torch.zeros(self.outputs, dtype=torch.int64)
        self._weight = torch.ops.onednn.qlinear_prepack(rounded, None)
        self._multiply = torch.ops.onednn.qlinear_pointwise.default
        self.nbytes = self.outputs * self.inputs + self._scale.nbytes

    def __call__(self, x: Tensor, bias: Tensor | None = None) -> Tensor:
        rounded, scale = round_rows(x)
        product = self._multiply(
            rounded.view(torch.uint8) ^ 128,
            1.0,
            128,
            self._weight,
            self._scale,
            self._zero,
            None,
            1.0,
            0,
            torch.float32,
            "none",
            [],
            "",
        )
        return _with(product.mul_(scale), bias, x.dtype)

    @staticmethod
    def works(device: torch.device) -> bool:
        return device.type == "cpu" and _int8_works()


class Int8Few:
    """The same in FBGEMM's layout: W is read at the speed of memory, which is what few rows wait for.

    6144 x 1024 on a Zen 4 core, ms of processor time at 1, 8, 64 and 512 rows: 0.3, 0.4, 2.8, 21; oneDNN 0.5, 0.7, 2.4, 18.
    Not taken where oneDNN has AMX, whose prompts are several times as fast.
    """

    def __init__(self, weight: Tensor) -> None:
        self.outputs, self.inputs = weight.shape
        rounded, scale = in_pieces(round_rows, weight)
        zero = torch.zeros(self.outputs, dtype=torch.int64)
        with _fbgemm(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such a tensor is to go from torch some day: then `works` says no
            whole = torch._make_per_channel_quantized_tensor(rounded, scale.squeeze(1).double(), zero, 0)
            self._weight = torch.ops.quantized.linear_prepack(whole, None)
        self._multiply = torch.ops.quantized.linear_with_input_q_dq_qweight_dq_output_fp32.default
        self.nbytes = self.outputs * self.inputs + 4 * self.outputs

    def __call__(self, x: Tensor, bias: Tensor | None = None) -> Tensor:
        scale = torch.linalg.vector_norm(x.float(), torch.inf, -1, keepdim=True).clamp_min_(127 * _LEAST).div_(127)
        product = self._multiply(x / scale, 1.0, 128, self._weight)  # rounds x to bytes around 128
        return _with(product.mul_(scale), bias, x.dtype)

    @staticmethod
    def works(device: torch.device) -> bool:
        return device.type == "cpu" and not torch.cpu._is_amx_tile_supported() and _int8_few_works()


class Float16:
    """W in float16, by FBGEMM on a CPU: read once, made float32 in registers and multiplied with x as it is.

    For few rows. 6144 x 1024 on a Zen 4 core, ms at 1, 8, 64 and 512 rows: 0.5, 1.3, 8.7, 67; bfloat16 by oneDNN 0.9, 1.1, 4.2, 30.
    """

    def __init__(self, weight: Tensor) -> None:
        self.outputs, self.inputs = weight.shape
        with _fbgemm():
            self._weight = torch.ops.quantized.linear_prepack_fp16(weight.float(), None)
        self._multiply = torch.ops.quantized.linear_dynamic_fp16.default
        self.nbytes = 2 * self.outputs * self.inputs

    def __call__(self, x: Tensor, bias: Tensor | None = None) -> Tensor:
        return _with(self._multiply(x.float(), self._weight), bias, x.dtype)

    @staticmethod
    def works(weight: Tensor) -> bool:
        """Numbers that float16 does not reach stay out of it."""
        return weight.device.type == "cpu" and _float16_works() and float(weight.abs().max()) <= FLOAT16_MOST


class Int4Twin:
    """W in groups of GROUP columns, two numbers in a byte; made whole again for each multiplication."""

    def __init__(self, weight: Tensor) -> None:
        self.outputs, self.inputs = weight.shape
        numbers, self._scale, self._offset = in_pieces(round_groups, weight)
        self._bytes = numbers[:, ::2] | (numbers[:, 1::2] << 4)
        self.nbytes = self._bytes.nbytes + self._scale.nbytes + self._offset.nbytes

    def __call__(self, x: Tensor, bias: Tensor | None = None) -> Tensor:
        numbers = torch.stack((self._bytes & 15, self._bytes >> 4), -1).view(self.outputs, -1, GROUP)
        whole = (numbers.float() - 8).mul_(self._scale.float()[..., None]).add_(self._offset.float()[..., None])
        product = x.to(torch.bfloat16).float() @ whole.view(self.outputs, self.inputs).t()
        return _with(product, bias, x.dtype)

    @staticmethod
    def fits(weight: Tensor) -> bool:
        return weight.shape[1] % GROUP == 0


class Int4:
    """W as torch's int4 kernel for CPUs wants it. Many rows at once are multiplied by W made whole in bfloat16."""

    def __init__(self, weight: Tensor) -> None:
        self.outputs, self.inputs = weight.shape
        numbers, scale, offset = in_pieces(round_groups, weight)
        self._bytes = torch.ops.aten._convert_weight_to_int4pack_for_cpu(numbers.to(torch.int32), 1)
        self._scales = torch.stack((scale, offset), -1).transpose(0, 1).contiguous()  # [groups, outputs, 2]
        self._multiply = torch.ops.aten._weight_int4pack_mm_for_cpu.default
        self._opens = self.outputs % _BLOCK == 0 and _layout_is_known()
        self.nbytes = self._bytes.nbytes + self._scales.nbytes

    def __call__(self, x: Tensor, bias: Tensor | None = None) -> Tensor:
        half = x.to(torch.bfloat16)
        if not self._opens or len(half) <= FEW_ROWS:
            return _with(self._multiply(half, self._bytes, GROUP, self._scales).float(), bias, x.dtype)
        product = half.new_empty(len(half), self.outputs)
        for start in range(0, self.outputs, _BLOCK):
            block = slice(start, start + _BLOCK)
            torch.mm(half, self._opened(block), out=product[:, block])
        return _with(product, bias, x.dtype)

    def _opened(self, block: slice) -> Tensor:
        """A block of rows of W, transposed, in bfloat16. One at a time stays in the cache of a core."""
        numbers = open_blocks(self._bytes[block], self.inputs).view(-1, GROUP, _BLOCK)
        scales = self._scales[:, block].unsqueeze(1)
        whole = torch.addcmul(scales[..., 1], numbers.to(torch.bfloat16).sub_(8), scales[..., 0])
        return whole.view(self.inputs, _BLOCK)

    @staticmethod
    def works(weight: Tensor) -> bool:
        return weight.device.type == "cpu" and weight.shape[0] % 16 == 0 and _int4_works()


def round_groups(weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Numbers 0 to 15 [out, in], and of each group the scale and the offset: W = (number - 8) * scale + offset.

    Looking for a narrower range that leaves a smaller square error was tried: 3 % less error for five times the time.
    """
    groups = weight.view(len(weight), -1, GROUP)
    low, high = groups.amin(-1, keepdim=True), groups.amax(-1, keepdim=True)
    scale = ((high - low) / 15).clamp_min_(_LEAST).to(torch.bfloat16)
    offset = ((low + high + scale.float()) / 2).to(torch.bfloat16)
    numbers = ((groups - offset.float()) / scale.float()).add_(8).round_().clamp_(0, 15)
    return numbers.to(torch.uint8).view(weight.shape), scale.squeeze(-1), offset.squeeze(-1)


_BLOCK = 64  # rows of W that torch interleaves with AVX-512


def open_blocks(packed: Tensor, inputs: int) -> Tensor:
    """Torch's layout, as numbers [blocks, in, 64]: a byte holds a row of the first half and one of the second."""
    blocks = packed.reshape(-1, inputs, _BLOCK // 2)
    return torch.cat((blocks & 15, blocks >> 4), -1)


def _with(product: Tensor, bias: Tensor | None, dtype: torch.dtype) -> Tensor:
    product = product.to(dtype)
    return product if bias is None else product.add_(bias)


@lru_cache(maxsize=1)
def _int8_works() -> bool:
    return _is_its_twin(Int8)


@lru_cache(maxsize=1)
def _int8_few_works() -> bool:
    return _is_its_twin(Int8Few)


def _is_its_twin(form: type[Int8] | type[Int8Few]) -> bool:
    """Tried with the largest sums there are: a CPU without the right instructions saturates in between."""
    try:
        weight = torch.ones(64, 256)
        weight[::2] = -1
        found = form(weight)(torch.ones(3, 256))
        return torch.allclose(found, Int8Twin(weight)(torch.ones(3, 256)), rtol=1e-4)
    except (AttributeError, RuntimeError):
        return False


@lru_cache(maxsize=1)
def _float16_works() -> bool:
    """Whether it multiplies here, and each row as if it were alone: without AVX-512 a row may depend on its company."""
    weight, x = _sample()
    try:
        held = Float16(weight)
        found = held(x)
        alone = torch.cat([held(x[at : at + 1]) for at in range(len(x))])
        return torch.equal(found, alone) and torch.allclose(found, x @ weight.half().float().t(), atol=1e-4)
    except (AttributeError, RuntimeError):
        return False


@contextmanager
def _fbgemm() -> Iterator[None]:
    """What torch packs meanwhile is FBGEMM's."""
    before = torch.backends.quantized.engine
    torch.backends.quantized.engine = "fbgemm"
    try:
        yield
    finally:
        torch.backends.quantized.engine = before


@lru_cache(maxsize=1)
def _int4_works() -> bool:
    weight, x = _sample()
    try:
        found = Int4(weight)(x[:1])
    except (AttributeError, RuntimeError):
        return False
    return torch.allclose(found, Int4Twin(weight)(x[:1]), atol=0.02, rtol=0.02)


@lru_cache(maxsize=1)
def _layout_is_known() -> bool:
    """Whether torch interleaves rows on this CPU as `open_blocks` undoes it."""
    numbers = torch.arange(2 * _BLOCK * GROUP, dtype=torch.int32).mul_(7).remainder_(16).view(2 * _BLOCK, GROUP)
    packed = torch.ops.aten._convert_weight_to_int4pack_for_cpu(numbers, 1)
    if packed.numel() != numbers.numel() // 2:
        return False
    return torch.equal(open_blocks(packed, GROUP).transpose(1, 2).reshape(-1, GROUP).int(), numbers)


def _sample() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(128, 64, generator=generator) / 8, torch.randn(3, 64, generator=generator)
