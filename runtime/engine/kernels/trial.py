"""Whether the Triton kernels do on this device what their plain twins do: tried once, on a few random numbers.

A compiler, a driver and a GPU stand between the source and what runs. Where one of them fails, the plain way answers.
"""

import torch
from torch import Tensor
from torch.nn import functional

from runtime.engine.kernels import plain
from runtime.engine.kernels.heads import prepare
from runtime.engine.kernels.kronecker import add_kronecker
from runtime.engine.kernels.paged import decode
from runtime.engine.kernels.ranks import add_ranks

HEADS, KV_HEADS, SIZE, BLOCK = 4, 2, 32, 16
CLOSE = 1e-4  # in float32; what is wrong is wrong by far more


def passes(device: torch.device) -> bool:
    try:
        with torch.inference_mode():
            return _heads(device) and _attention(device) and _ranks(device) and _kronecker(device)
    except Exception:  # whatever a compiler or a driver raises: then it is not for us
        return False


def _random(device: torch.device, *size: int) -> Tensor:
    numbers = torch.empty(size).normal_(generator=torch.Generator().manual_seed(sum(size)))
    return numbers.to(device)


def _heads(device: torch.device) -> bool:
    rows = 3
    fused, norms = _random(device, rows, (HEADS + 2 * KV_HEADS) * SIZE), _random(device, HEADS + KV_HEADS, SIZE)
    data = torch.zeros(5, 2, 2, BLOCK, KV_HEADS * SIZE, device=device)
    positions = torch.tensor([0, 17, 900], device=device)
    blocks = torch.tensor([1, 2, 4], device=device)
    frequencies = 1 / 10000 ** (torch.arange(0, SIZE, 2, device=device) / SIZE)
    turned = prepare(
        fused, norms, positions, frequencies, data, 1, blocks, positions % BLOCK,
        heads=HEADS, kv_heads=KV_HEADS, eps=1e-6, scale=1.0,
    )  # fmt: skip
    both = plain.norm_heads(fused.view(rows, -1, SIZE)[:, : HEADS + KV_HEADS], norms, 1e-6)
    wanted = plain.rotate(both, *plain.rotation(positions, frequencies, 1.0, torch.float32))
    kept = data[blocks, 1, 0, positions % BLOCK].view(rows, KV_HEADS, SIZE)
    return torch.allclose(turned, wanted, atol=CLOSE) and torch.allclose(kept, wanted[:, HEADS:], atol=CLOSE)


def _attention(device: torch.device) -> bool:
    length = 21
    data, queries = _random(device, 3, 1, 2, BLOCK, KV_HEADS * SIZE), _random(device, 1, HEADS, SIZE)
    tables, lengths = torch.tensor([[2, 1]], device=device), torch.tensor([length], device=device)
    found = decode(queries, data, 0, tables, lengths, KV_HEADS)
    keys, values = (
        data[tables[0], 0, part]
        .view(-1, KV_HEADS, SIZE)[:length]
        .repeat_interleave(HEADS // KV_HEADS, 1)
        .transpose(0, 1)
        for part in (0, 1)
    )
    wanted = functional.scaled_dot_product_attention(queries.transpose(0, 1), keys, values).transpose(0, 1)
    return torch.allclose(found, wanted, atol=CLOSE)


def _ranks(device: torch.device) -> bool:
    a, b = _random(device, 60, 40), _random(device, 60, 50)
    x, y = _random(device, 3, 40), _random(device, 3, 50)
    owners, counts = (torch.tensor(each, dtype=torch.int32, device=device) for each in ([1, -1, 0], [4, 18]))
    places = torch.tensor([[32, 0], [16, 40]], dtype=torch.int32, device=device)
    own = torch.tensor([*range(16, 32), 40, 41], device=device)
    wanted = y.clone()
    wanted[0] += (x[0] @ a[own].t()) @ b[own]
    wanted[2] += (x[2] @ a[32:36].t()) @ b[32:36]
    add_ranks(y, x, a, b, owners, places, counts)
    return torch.allclose(y, wanted, atol=10 * CLOSE)


def _kronecker(device: torch.device) -> bool:
    left, right = _random(device, 6, 4), _random(device, 5, 7)
    x, y = _random(device, 2, 28), _random(device, 2, 40)
    factors = torch.cat((right.flatten(), left.flatten()))
    owners, counts = (torch.tensor(each, device=device) for each in ([1, 0], [0, 1]))
    table = torch.tensor([[[0] * 7], [[35, 0, 6, 4, 5, 7, 3]]], device=device)
    wanted = y.clone()
    wanted[0, 3:33] += torch.kron(left, right) @ x[0]
    add_kronecker(y, x, factors, owners, table, counts, 20)
    return torch.allclose(y, wanted, atol=10 * CLOSE)
