"""What `test_kernels` runs with Triton interpreted: each check draws sizes and numbers anew and compares with the twin."""

import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from runtime.artifact.slots import SlotRecord
from runtime.engine.kernels import heads, kronecker, paged, plain, ranks

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def close(found: Tensor, wanted: Tensor, tolerance: float) -> None:
    assert torch.isfinite(found).all()
    off = float((found.double() - wanted.double()).norm() / wanted.double().norm().clamp_min(1e-9))
    assert off <= tolerance, f"off by {off:.2e}, {tolerance:.0e} is allowed"


def pages(blocks: int, layers: int, block: int, width: int, dtype: torch.dtype) -> Tensor:
    data = torch.randn(blocks, layers, 2, block, width, device=DEVICE).to(dtype)
    data[0] = 0
    return data


def attention(
    dtype: torch.dtype, tolerance: float, *, heads_: int, kv_heads: int, size: int, block: int, longest: int
) -> None:
    lengths = [1, block, block + 1, longest, max(1, longest // 2), longest - 1]
    width = -(-longest // block)
    data = pages(1 + len(lengths) * width, 3, block, kv_heads * size, dtype)
    order = torch.randperm(len(data) - 1) + 1
    tables = torch.zeros(len(lengths), width, dtype=torch.int32)
    for row, length in enumerate(lengths):
        used = -(-length // block)
        tables[row, :used] = order[row * width : row * width + used]
    tables = tables.to(DEVICE)
    queries = torch.randn(len(lengths), heads_, size, device=DEVICE).to(dtype)
    found = paged.decode(queries, data, 1, tables, torch.tensor(lengths, dtype=torch.int32, device=DEVICE), kv_heads)
    for row, length in enumerate(lengths):
        flat = data[tables[row].long(), 1].transpose(0, 1).reshape(2, -1, kv_heads, size)[:, :length].double()
        keys, values = (part.repeat_interleave(heads_ // kv_heads, 1) for part in flat)
        scores = torch.einsum("hd,nhd->hn", queries[row].double(), keys) * size**-0.5
        close(found[row], torch.einsum("hn,nhd->hd", scores.softmax(-1), values), tolerance)


def check_attention_of_one_query_to_its_pages() -> None:
    attention(torch.float32, 1e-5, heads_=4, kv_heads=2, size=64, block=16, longest=70)


def check_attention_split_over_a_long_past() -> None:
    assert paged.split_count(1500) > 3
    attention(torch.float32, 1e-5, heads_=4, kv_heads=1, size=32, block=16, longest=1500)


def check_attention_with_heads_of_odd_size_and_a_share_of_three() -> None:
    attention(torch.float32, 1e-5, heads_=6, kv_heads=2, size=24, block=8, longest=41)


def check_attention_in_half_precision() -> None:
    attention(torch.bfloat16, 2e-2, heads_=8, kv_heads=2, size=64, block=16, longest=130)
    attention(torch.float16, 5e-3, heads_=2, kv_heads=2, size=64, block=16, longest=130)


def check_pages_that_nobody_owns_are_never_read() -> None:
    data = pages(6, 1, 16, 32, torch.float32)
    clean = data.clone()
    data[4:] = float("nan")  # blocks of others
    data[3, :, :, 5:] = float("nan")  # places beyond the end
    tables = torch.tensor([[1, 3, 4]], dtype=torch.int32, device=DEVICE)
    lengths = torch.tensor([21], dtype=torch.int32, device=DEVICE)
    queries = torch.randn(1, 2, 16, device=DEVICE)
    found = paged.decode(queries, data, 0, tables, lengths, 2)
    close(found, paged.decode(queries, clean, 0, tables, lengths, 2), 1e-7)


def preparation(
    dtype: torch.dtype, tolerance: float, *, normed: bool, scale: float, heads_: int, kv_heads: int, size: int
) -> None:
    rows, block = 5, 16
    data = pages(9, 2, block, kv_heads * size, dtype)
    before = data.clone()
    fused = torch.randn(rows, (heads_ + 2 * kv_heads) * size, device=DEVICE).to(dtype)
    norms = torch.randn(heads_ + kv_heads, size, device=DEVICE).to(dtype) if normed else None
    positions = torch.tensor([0, 3, 17, 100, 4000], device=DEVICE)
    frequencies = 1 / 10000 ** (torch.arange(0, size, 2, device=DEVICE) / size)
    blocks, offsets = torch.tensor([1, 2, 3, 4, 8], device=DEVICE), positions % block
    turned = heads.prepare(
        fused,
        norms,
        positions,
        frequencies,
        data,
        1,
        blocks,
        offsets,
        heads=heads_,
        kv_heads=kv_heads,
        eps=1e-6,
        scale=scale,
    )
    every = fused.double().view(rows, -1, size)
    both, values = every[:, : heads_ + kv_heads], every[:, heads_ + kv_heads :]
    if norms is not None:
        both = plain.norm_heads(both, norms.double(), 1e-6)
    wanted = plain.rotate(both, *plain.rotation(positions, frequencies, scale, torch.float64))
    close(turned, wanted, tolerance)
    kept = data[blocks, 1, :, offsets].view(rows, 2, kv_heads, size)
    close(kept[:, 0], wanted[:, heads_:], tolerance)
    assert torch.equal(kept[:, 1], values.to(dtype))
    data[blocks, 1, :, offsets] = before[blocks, 1, :, offsets]
    assert torch.equal(data, before), "something was written elsewhere"


def check_heads_are_normed_turned_and_kept() -> None:
    preparation(torch.float32, 2e-6, normed=True, scale=1.0, heads_=4, kv_heads=2, size=64)
    preparation(torch.float32, 2e-6, normed=False, scale=1.25, heads_=3, kv_heads=1, size=24)
    preparation(torch.bfloat16, 1e-2, normed=True, scale=1.0, heads_=4, kv_heads=4, size=32)


def check_each_row_meets_its_own_rank_rows() -> None:
    for dtype, tolerance in ((torch.float32, 1e-5), (torch.bfloat16, 1e-2)):
        counts = [12, 1, 40, 16, 0]
        places = [[3, 0, 0], [95, 0, 0], [64, 20, 46], [80, 0, 0], [0, 0, 0]]  # tiles that lie anywhere
        inputs, outputs = 72, 300
        a = torch.full((100, inputs), float("nan"), device=DEVICE)  # what belongs to nobody must not be read
        b = torch.full((100, outputs), float("nan"), device=DEVICE)
        owned = []
        for count, tiles in zip(counts, places, strict=True):
            owned.append([tiles[rank // 16] + rank % 16 for rank in range(count)])
            a[owned[-1]], b[owned[-1]] = (
                torch.randn(count, inputs, device=DEVICE),
                torch.randn(count, outputs, device=DEVICE),
            )
        a, b = a.to(dtype), b.to(dtype)
        owners = [2, -1, 0, 0, 1, 3, 4, 2]
        x = torch.randn(len(owners), inputs, device=DEVICE).to(dtype)
        y = torch.randn(len(owners), outputs, device=DEVICE).to(dtype)
        wanted = y.double()
        for row, owner in enumerate(owners):
            if owner >= 0:
                own = owned[owner]
                wanted[row] += (a[own].double() @ x[row].double()) @ b[own].double()
        untouched = y[1].clone(), y[6].clone()
        twin = y.clone()
        small = [torch.tensor(each, dtype=torch.int32, device=DEVICE) for each in (owners, places, counts)]
        ranks.add_ranks(y, x, a, b, *small)
        close(y, wanted, tolerance)
        assert torch.equal(y[1], untouched[0]) and torch.equal(y[6], untouched[1])
        plain.add_ranks(twin, x, a, b, small[0].masked_fill(small[0] < 0, 4), *small[1:])  # 4 has no rank rows
        close(twin, wanted, tolerance)


def check_each_row_meets_its_own_kronecker_products() -> None:
    for dtype, tolerance in ((torch.float32, 1e-5), (torch.bfloat16, 1e-2)):
        inputs, outputs = 72, 100
        # Of each adapter: first column, W1, W2. One whose sizes are no multiples of anything, one with two products of
        # different sizes on overlapping columns, one with none, one that is nearly all W1.
        sizes = [[(3, (7, 4), (13, 18))], [(0, (4, 9), (25, 8)), (40, (5, 2), (12, 36))], [], [(90, (10, 72), (1, 1))]]
        factors = torch.full((3000,), float("nan"))  # what belongs to nobody must not be read
        table, at = torch.full((4, 4, 7), 1 << 40), 11
        dense = torch.zeros(4, outputs, inputs, dtype=torch.float64)
        for adapter, products in enumerate(sizes):
            for entry, (first, left, right) in enumerate(products):
                w1, w2 = torch.randn(left).to(dtype), torch.randn(right).to(dtype)
                table[adapter, entry] = torch.tensor([at, at + w1.numel() + 5, *left, *right, first])
                factors[at : at + w1.numel()] = w1.flatten()
                factors[at + w1.numel() + 5 : at + w1.numel() + 5 + w2.numel()] = w2.flatten()
                at += w1.numel() + w2.numel() + 9
                dense[adapter, first : first + left[0] * right[0]] += torch.kron(w1.double(), w2.double())
        owners = [1, 2, 0, 3, 1]
        x = torch.randn(len(owners), inputs).to(dtype)
        y = torch.randn(len(owners), outputs).to(dtype)
        wanted = y.double() + torch.einsum("roi,ri->ro", dense[owners], x.double())
        told = [each.to(DEVICE) for each in (x, factors.to(dtype), torch.tensor(owners), table)]
        counts = torch.tensor([len(products) for products in sizes], dtype=torch.int32, device=DEVICE)
        adds: list[Callable[..., None]] = [kronecker.add_kronecker, plain.add_kronecker]
        for add in adds:
            found = y.to(DEVICE, copy=True)
            add(found, *told, counts, 256)
            close(found.cpu(), wanted, tolerance)
            assert torch.equal(found[1].cpu(), y[1])


def check_a_whole_engine_answers_as_with_the_plain_ones() -> None:
    """Prompts, a cache that is met again, rows of one token: with the kernels and without, the same answers."""
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from runtime.engine.engine import Engine, Request
    from runtime.engine.kernels import fast_kernels
    from tests.engine.records import random_records
    from tests.tiny import tiny_base

    assert fast_kernels(torch.device(DEVICE)) is not None, "the trial failed"
    with TemporaryDirectory() as folder:
        for kind in ("qwen3", "llama"):
            base = tiny_base(Path(folder) / kind, kind)
            engine = Engine.load(base, device=DEVICE, dtype=torch.float32, cache_tokens=512)
            for name, record in random_records().items():
                engine.attach(name, record, name)
            names = [None, *random_records()]
            requests = [
                Request([3 + (7 * n + k) % 400 for k in range(5 + 9 * n)], 5, adapter=names[n % len(names)], logprobs=2)
                for n in range(5)
            ]
            fast = [engine.generate(requests) for _ in range(2)]  # the second finds prompts in the cache
            engine.model.fast = engine._adapters._add_ranks = engine._runner._graphs = None
            engine._scheduler.cache.forget()
            slow = engine.generate(requests)
            for once in fast:
                assert [each.tokens for each in once] == [each.tokens for each in slow]
                for mine, known in zip(once, slow, strict=True):
                    told = [
                        torch.tensor([value for one in each.logprobs for _, value in one.top]) for each in (mine, known)
                    ]
                    close(told[0], told[1], 1e-4)


def check_a_captured_step_of_kernels_is_the_same_launches_whatever_stands_in_memory() -> None:
    """Kernels in graphs, written down by `tape`: a whole engine with slots that change, then two recordings of one step."""
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from runtime.engine.engine import Engine, Request
    from runtime.engine.graphs import Size
    from tests.engine.graphed import graphed, poison
    from tests.engine.records import random_records
    from tests.engine.tape import fixed, record
    from tests.tiny import tiny_base

    with TemporaryDirectory() as folder:
        base = tiny_base(Path(folder), num_hidden_layers=1)
        records = {
            name: SlotRecord(each.kind, {at: slot for at, slot in each.slots.items() if ".0." in at})
            for name, each in random_records().items()
        }
        engine, graphs = graphed(base, dtype=torch.float32, cache_tokens=512)
        known = Engine.load(base, dtype=torch.float32, cache_tokens=512)
        known.model.fast = known._adapters._add_ranks = None
        known.tokenizer.eos_ids = frozenset()
        steps = []
        rounds: list[list[Any]] = [[{"dora": 0.5, "lora": 0.5}, "ia3", "lokr"], ["lora", "lokr", None]]
        for names in rounds:
            requests = [Request([5 + n, 6, 7], 4, adapter=name) for n, name in enumerate(names)]
            for each in (engine, known):
                for name, slots in records.items():
                    each.attach(name, slots, name)
            expected = [each.tokens for each in known.generate(requests)]
            poison(graphs)
            assert [each.tokens for each in engine.generate(requests)] == expected
            with torch.inference_mode():
                steps.append(record(lambda: graphs._step(Size(4, 16, mixed=True))))
        assert graphs.counts.replayed >= 6 and graphs.counts.failed == 0
        assert len({call.name for call in steps[0] if "(" in call.name}) >= 7, "kernels were not launched"
        assert fixed(steps[0]) == fixed(steps[1])


if __name__ == "__main__":
    torch.manual_seed(int.from_bytes(sys.argv[1].encode(), "big") % (1 << 32))
    globals()[sys.argv[1]]()
    print("agrees")
