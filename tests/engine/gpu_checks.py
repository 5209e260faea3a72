"""Real captures on a GPU: what `test_gpu` runs where there is one. The kernels of `kernel_checks` run there without the interpreter."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from runtime.engine.engine import Engine, Request, Sampling
from tests.engine.records import random_records
from tests.tiny import tiny_base

NAMES = [None, "lora", "dora", "ia3", "lokr", {"lora": 0.5, "dora": 0.5}, {"ia3": 0.5, "lokr": 1.5}]


def pair(folder: str, **options: object) -> tuple[Engine, Engine]:
    """One engine with graphs and one without, on the same base with the same adapters."""
    base = tiny_base(Path(folder))
    made = []
    for graphs in ("auto", "off"):
        engine = Engine.load(base, device="cuda", dtype=torch.float32, cache_tokens=4096, graphs=graphs, **options)  # type: ignore[arg-type]
        engine.tokenizer.eos_ids = frozenset()
        for name, record in random_records().items():
            engine.attach(name, record, name)
        made.append(engine)
    assert made[0].graphs is not None, "the kernels did not pass their trial"
    assert made[1].graphs is None
    return made[0], made[1]


def requests(count: int, answer: int = 24) -> list[Request]:
    return [
        Request(
            [3 + (7 * n + 5 * k) % 400 for k in range(4 + 13 * n % 90)],
            answer + n % 5,
            adapter=NAMES[n % len(NAMES)],
            sampling=Sampling(temperature=0.7 * (n % 2), seed=n),
        )
        for n in range(count)
    ]


def check_replayed_steps_answer_as_launched_ones() -> None:
    """Every kind in one batch of every size of a ladder; texts that move on to wider tables."""
    with TemporaryDirectory() as folder:
        with_graphs, without = pair(folder)
        for count in (1, 3, 7, 20, 32):
            expected = [each.tokens for each in without.generate(requests(count))]
            for _ in range(2):
                assert [each.tokens for each in with_graphs.generate(requests(count))] == expected
        long = [Request([7 + k % 300 for k in range(240 + 30 * n)], 40, adapter=NAMES[n]) for n in range(4)]
        told = [[each.tokens for each in engine.generate(long)] for engine in (with_graphs, without)]
        assert told[0] == told[1]
        graphs = with_graphs.graphs
        assert graphs is not None and graphs.counts.failed == 0 and graphs.counts.replayed > 200, (
            graphs and graphs.counts
        )
        print(graphs.counts, len(graphs.kept), "graphs kept")


def check_graphs_stay_right_while_slots_change() -> None:
    """Adapters come, go, are replaced and outgrow the pool while others decode."""
    with TemporaryDirectory() as folder:
        both = pair(folder, max_batch=8)
        told: list[dict[str, list[int]]] = []
        for engine in both:
            results: dict[str, list[int]] = {}
            todo = requests(40)
            for number, request in enumerate(todo):
                request.id = str(number)
            for number in range(400):
                if number % 4 == 0 and todo:
                    engine.submit(todo.pop(0))
                if number % 10 == 5:
                    other = random_records(number)
                    engine.attach(f"new {number}", other["lora"], f"new {number}")
                    engine.submit(Request([9, 8, 7], 9, adapter=f"new {number}", id=f"new {number}"))
                    engine.detach(f"new {number}")
                for event in engine.step():
                    if event.result is not None:
                        results[event.id] = event.result.tokens
                engine.check()
                if not todo and not engine.busy:
                    break
            told.append(results)
        assert told[0] == told[1] and len(told[0]) > 50
        graphs = both[0].graphs
        assert graphs is not None and graphs.counts.failed == 0 and graphs.counts.thrown > 0, graphs and graphs.counts
        print(graphs.counts, "pool version", graphs.pool.version)


def check_a_replayed_step_does_not_wait() -> None:
    """Filling the buffers and replaying make the host wait for nothing: torch raises where it would."""
    from runtime.engine.batch import Span, build_batch

    with TemporaryDirectory() as folder:
        engine, _ = pair(folder)
        graphs = engine.graphs
        assert graphs is not None
        held = [engine.adapter(name) for name in ("lora", "dora", "ia3", "lokr")]
        for turn in range(3):
            spans = [Span([5 + turn + n], 3, [1 + n], True) for n in range(len(held))]
            mix = engine._adapters.mix(held, [1] * len(held))
            if turn:  # the first captures, and a capture waits
                torch.cuda.set_sync_debug_mode("error")
            try:
                batch = build_batch(spans, mix, block_size=16, dtype=engine.model.dtype, rope=engine.model.shape.rope)
                assert graphs.forward(batch) is not None
            finally:
                torch.cuda.set_sync_debug_mode("default")
        assert graphs.counts.replayed == 3 and graphs.counts.captured == 1


def check_tokens_that_are_on_the_device_need_not_come_back() -> None:
    """As when the step before has just chosen them."""
    from dataclasses import replace

    from runtime.engine.batch import Span, build_batch

    with TemporaryDirectory() as folder:
        engine, _ = pair(folder)
        graphs = engine.graphs
        assert graphs is not None
        batch = build_batch(
            [Span([0], 0, [1], True), Span([0], 0, [2], True)], None,
            block_size=16, dtype=engine.model.dtype, rope=engine.model.shape.rope,
        )  # fmt: skip
        tokens = torch.tensor([11, 12])
        known = graphs.forward(replace(batch, tokens=tokens))
        found = graphs.forward(replace(batch, tokens=tokens.cuda()))
        assert known is not None and found is not None and torch.equal(known, found)


def check_memory_does_not_grow_as_graphs_come_and_go() -> None:
    with TemporaryDirectory() as folder:
        engine, _ = pair(folder, max_batch=8)
        graphs = engine.graphs
        assert graphs is not None
        reserved = []
        for _ in range(4):
            engine.generate(requests(8, 4))
            graphs.pool.version += 1  # as if it had grown
            torch.cuda.empty_cache()
            reserved.append(torch.cuda.memory_reserved())
        assert reserved[-1] <= reserved[1] * 1.1, reserved


if __name__ == "__main__":
    globals()[sys.argv[1]]()
    print("agrees")
