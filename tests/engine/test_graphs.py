"""Decoding steps that are captured once and replayed: the same answers, whoever comes and goes in the pool of slots.

No GPU is needed: `tape` writes down what a step does to memory and replays that, so what a CUDA graph fixes is fixed here.
"""

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from runtime.artifact.slots import Slot, SlotRecord
from runtime.engine import graphs as module
from runtime.engine import pool as pooling
from runtime.engine.engine import Engine, Request, Result
from runtime.engine.errors import SettingRefused
from runtime.engine.graphs import Graphs, Size
from tests.engine.graphed import graphed, poison
from tests.engine.records import SHAPES, random_records
from tests.engine.tape import Call, NotCaptured, Tape, fixed, record

Wanted = str | Mapping[str, float] | None
KINDS: list[Wanted] = [
    None,
    "lora",
    "dora",
    "ia3",
    "lokr",
    "wide",
    {"lora": 0.5, "lokr": 0.7},
    {"ia3": 0.6, "wide": 1.5},
]


def lora(rank: int, seed: int, names: tuple[str, ...] = tuple(SHAPES)) -> SlotRecord:
    torch.manual_seed(seed)
    slots = {
        f"model.layers.{layer}.{name}": Slot(
            a=torch.randn(rank, SHAPES[name][1]) / SHAPES[name][1] ** 0.5, b=torch.randn(SHAPES[name][0], rank) / 2
        )
        for layer in range(2)
        for name in names
    }
    return SlotRecord("lora", slots)


def records() -> dict[str, SlotRecord]:
    """All kinds; `wide` has more rank rows than a tile, and scales the inputs of one of two matrices that are fused."""
    gate, wide = "model.layers.1.mlp.gate_proj", dict(lora(21, 4).slots)
    wide[gate] = replace(wide[gate], g_in=1 + torch.randn(64) * 0.3)
    return {**random_records(), "wide": SlotRecord("lora", wide)}


def attach_all(engine: Engine) -> Engine:
    engine.tokenizer.eos_ids = frozenset()
    for name, each in records().items():
        engine.attach(name, each, name)
    return engine


@pytest.fixture(scope="module")
def plain(base: Path) -> Engine:
    return attach_all(Engine.load(base))


def ask(wanted: Wanted, number: int = 0, length: int = 9, answer: int = 8) -> Request:
    return Request([3 + (7 * number + 5 * place) % 400 for place in range(length)], answer, adapter=wanted)


def alone(plain: Engine, requests: list[Request]) -> list[list[int]]:
    return [plain.generate([replace(each, id=f"alone {number}")])[0].tokens for number, each in enumerate(requests)]


def run(engine: Engine, graphs: Graphs, todo: dict[int, list[Request]], steps: int = 60) -> dict[str, Result]:
    """Requests join at their step; before each step, what is nobody's in the pool becomes NaN."""
    told: dict[str, Result] = {}
    for number in range(steps):
        for request in todo.get(number, []):
            engine.submit(request)
        poison(graphs)
        told.update({event.id: event.result for event in engine.step() if event.result is not None})
        engine.check()
    assert not engine.busy
    return told


def test_every_kind_together_answers_as_alone_without_graphs(base: Path, plain: Engine) -> None:
    engine, graphs = graphed(base)
    attach_all(engine)
    requests = [ask(kind, number, 5 + 3 * number) for number, kind in enumerate(KINDS)]
    expected = alone(plain, requests)
    for _ in range(2):
        assert [each.tokens for each in engine.generate(requests)] == expected
        poison(graphs)
    assert graphs.counts.replayed >= 14 and graphs.counts.captured == len(graphs.kept) == 1


def test_logits_are_those_of_the_step_that_runs_by_itself(base: Path) -> None:
    """To rounding, and with everything that is nobody's poisoned."""
    engine, graphs = graphed(base)
    attach_all(engine)
    seen: list[tuple[Tensor, Tensor]] = []
    forward = graphs.forward

    def compared(batch: Any) -> Tensor | None:
        poison(graphs)
        found = forward(batch)
        if found is not None:
            seen.append((found, engine.model.forward(batch, graphs._pages)))
        return found

    graphs.forward = compared  # type: ignore[method-assign]
    engine.generate([ask(kind, number) for number, kind in enumerate(KINDS)])
    assert len(seen) == 7
    for found, wanted in seen:
        torch.testing.assert_close(found, wanted, atol=2e-4, rtol=0)


def test_a_long_text_moves_on_to_wider_tables(base: Path, plain: Engine) -> None:
    engine, graphs = graphed(base)
    attach_all(engine)
    requests = [ask("lora", 1, 250, 12), ask("dora", 2, 4, 12)]
    assert [each.tokens for each in engine.generate(requests)] == alone(plain, requests)
    assert graphs.kept == [Size(2, 16, True), Size(2, 32, True)]


def test_slots_are_loaded_replaced_and_freed_while_others_decode(base: Path, plain: Engine) -> None:
    """More adapters than slots, one after the other; a slot that is given to another shows nothing of whoever had it."""
    engine, graphs = graphed(base)
    attach_all(engine)
    order: list[Wanted] = [
        "lora",
        "dora",
        None,
        "lokr",
        "ia3",
        "wide",
        "lora",
        {"lora": 0.5, "ia3": 0.25},
        "lokr",
        "dora",
    ]
    requests = [ask(wanted, number, 4 + number, 6 + number % 3) for number, wanted in enumerate(order)]
    expected = alone(plain, requests)
    told: dict[str, Result] = {}
    for number in range(60):
        if number % 3 == 0 and number // 3 < len(requests):
            engine.submit(requests[number // 3])
        if number == 4:
            engine.detach("dora")  # while it decodes
        if number == 8:
            engine.attach("lora", lora(3, 77), "another")  # beside the one that decodes
        if number == 12:
            engine.attach("lora", records()["lora"], "lora")
            engine.attach("dora", records()["dora"], "dora")
        poison(graphs)
        told.update({event.id: event.result for event in engine.step() if event.result is not None})
        engine.check()
    assert [told[each.id].tokens for each in requests] == expected
    assert len(graphs.pool.banks["0.qkv"].counts) == pooling.FIRST + 1, "the pool grew though its slots were free"
    assert graphs.counts.replayed > 20


def test_a_pool_that_grows_throws_its_graphs_away_and_loses_nobody(base: Path, plain: Engine) -> None:
    engine, graphs = graphed(base)
    several = [lora(2 + 5 * number, number) for number in range(7)]
    for engines in (engine, plain):
        for number, each in enumerate(several):
            engines.attach(f"n{number}", each, f"n{number}")
    requests = [ask(f"n{number}", number, 5, 24 - 2 * number) for number in range(7)] + [ask(None, 9, 6, 30)]
    told = run(engine, graphs, {0: [requests[7]], **{2 + 2 * number: [requests[number]] for number in range(7)}})
    assert [told[each.id].tokens for each in requests] == alone(plain, requests)
    assert graphs.counts.thrown > 2 and graphs.pool.version > 2
    assert any(not size.mixed for size in graphs.kept), "what does not look at the pool was thrown away with it"
    before = graphs.pool.version
    again = run(engine, graphs, {0: requests})
    assert [again[each.id].tokens for each in requests] == [told[each.id].tokens for each in requests]
    assert graphs.pool.version == before, "there was room for all of them"


def test_larger_kronecker_factors_move_those_that_decode_and_change_none(base: Path, plain: Engine) -> None:
    engine, graphs = graphed(base)
    torch.manual_seed(6)
    slots = {
        f"model.layers.0.{name}": Slot(k=(torch.randn(2, 2), torch.randn(rows // 2, columns // 2) / columns**0.5))
        for name, (rows, columns) in SHAPES.items()
    }
    for each in (engine, plain):
        attach_all(each).attach("large", SlotRecord("lokr", slots), "large")
    requests = [ask("lokr", 1, 6, 14), ask("large", 2, 6, 8)]
    told = run(engine, graphs, {0: [requests[0]], 4: [requests[1]]}, 30)
    assert [told[each.id].tokens for each in requests] == alone(plain, requests)
    assert graphs.counts.thrown > 0


def test_rows_that_fill_a_step_up_write_into_no_block_of_anybodys(base: Path) -> None:
    engine, graphs = graphed(base)
    attach_all(engine)
    engine.generate([ask(kind, number, answer=4) for number, kind in enumerate(KINDS[:3])])
    data = engine._runner.pages.data
    assert Size(4, 16, True) in graphs.kept and data[-1].any()
    assert not data[0].any(), "the null block was written to"


def test_who_is_gone_gives_the_slot_back(base: Path) -> None:
    engine, graphs = graphed(base)
    attach_all(engine)
    engine.generate([ask("lora"), ask("dora"), ask({"lora": 0.5, "dora": 0.5})])
    assert len(graphs.pool._seats) == 3
    for name in ("lora", "dora"):
        engine.detach(name)
    engine.generate([ask("ia3"), ask("lokr")])
    assert len(graphs.pool._seats) == 2, "mixtures of adapters that are gone, and those adapters, are still held"


def test_a_prompt_that_is_read_one_token_at_a_time_has_no_logits_of_its_own(base: Path, plain: Engine) -> None:
    engine, graphs = graphed(base, max_batch=2, step_tokens=2)
    attach_all(engine)
    requests = [ask("lora", 1, 3, 14), ask("dora", 2, 7, 5)]
    assert [each.tokens for each in engine.generate(requests)] == alone(plain, requests)
    assert graphs.counts.replayed > 10


def test_what_a_graph_cannot_hold_runs_by_itself(base: Path, plain: Engine) -> None:
    engine, graphs = graphed(base)
    for each in (engine, plain):
        attach_all(each)
        places = torch.arange(0, 60, 2).int()
        sparse = SlotRecord("osd", {"model.layers.0.mlp.up_proj": Slot(s=(places, places, torch.ones(30)))})
        each.attach("sparse", sparse, "sparse")
        behind = Slot(g_in=torch.rand(64), k=(torch.randn(4, 4), torch.randn(24, 16) / 8))
        each.attach("behind", SlotRecord("lokr", {"model.layers.1.mlp.gate_proj": behind}), "behind")
    rope = {"rope_type": "linear", "factor": 2.0}
    for odd in (ask("sparse"), ask("behind"), replace(ask("lora"), rope=rope)):
        assert [each.tokens for each in engine.generate([odd, ask("dora", 3)])] == alone(plain, [odd, ask("dora", 3)])
        assert graphs.counts.replayed == 0
    repeated = Request([5, 6, 7, 8] * 6, 16, adapter="lora", speculate="ngram")
    assert engine.generate([repeated])[0].tokens == alone(plain, [repeated])[0]
    assert engine.speculation.guessed > 0


def test_a_capture_that_fails_is_told_once_and_costs_no_request(
    base: Path, plain: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Tape):
        def __call__(self, step: Any) -> Any:
            raise RuntimeError("operation not permitted when stream is capturing")

    engine, graphs = graphed(base, Broken())
    attach_all(engine)
    requests = [ask(kind, number, 6, 4 + number) for number, kind in enumerate(KINDS[:4])]
    with caplog.at_level(logging.WARNING):
        assert [each.tokens for each in engine.generate(requests)] == alone(plain, requests)
    assert graphs.counts.failed == 3 and graphs.counts.replayed == 0  # of four rows, of two, of one
    assert len(caplog.records) == 1 and "not permitted" in caplog.text


def test_memory_that_runs_out_for_the_pool_costs_no_request(base: Path, plain: Engine, monkeypatch: Any) -> None:
    engine, graphs = graphed(base)
    attach_all(engine)

    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    request = ask("lora")
    with monkeypatch.context() as patched:
        patched.setattr(pooling.Bank, "write", full)
        assert engine.generate([request])[0].tokens == alone(plain, [request])[0]
        assert graphs.counts.replayed == 0
    assert engine.generate([request, ask("dora")])[0].tokens == alone(plain, [request])[0]
    assert graphs.counts.replayed > 0 and len(graphs.pool._free) == pooling.FIRST - 2


def test_only_so_many_graphs_are_kept(base: Path, plain: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_KEPT", 2)
    engine, graphs = graphed(base)
    requests = [ask(None, number, 5, 4 + 2 * number) for number in range(5)]
    for _ in range(2):
        assert [each.tokens for each in engine.generate(requests)] == alone(plain, requests)
    assert len(graphs.kept) == 2 and graphs.counts.thrown == graphs.counts.captured - 2


@pytest.mark.parametrize("most", [1, 5, 20, 256])
def test_rungs_hold_what_they_are_for_and_waste_little(most: int) -> None:
    for count in range(1, most + 1):
        rung = module.rows(count, most)
        assert count <= rung <= most and (rung - count < 8 or rung - count < count / 4)
    for blocks in range(1, most + 1):
        assert blocks <= module.width(blocks, most) <= max(most, 2 * blocks, 16)


def test_an_unknown_way_to_run_is_refused(base: Path) -> None:
    with pytest.raises(SettingRefused, match="graphs is 'on'; it must be one of auto, off"):
        Engine.load(base, graphs="on")


# What a capture needs, of the step itself


def steps_of(graphs: Graphs, size: Size) -> list[Call]:
    with torch.inference_mode():
        return record(lambda: graphs._step(size))


def test_a_step_is_the_same_operations_at_the_same_addresses_whatever_stands_there(base: Path) -> None:
    engine, graphs = graphed(base)
    attach_all(engine)
    engine.generate([ask(kind, number, 5) for number, kind in enumerate(KINDS)])
    size, version = graphs.kept[-1], graphs.pool.version
    first, before = fixed(steps_of(graphs, size)), graphs._inputs.clone()
    engine.detach("lora")
    engine.attach("another", lora(9, 12), "another")
    others: list[Wanted] = ["another", "wide", None, "dora", "ia3", "another", {"wide": 0.5}, None]
    engine.generate([ask(kind, number, 30 + 2 * number) for number, kind in enumerate(others)])
    assert graphs.kept == [size] and not torch.equal(before, graphs._inputs)
    assert graphs.pool.version == version and len(first) > 100
    assert fixed(steps_of(graphs, size)) == first


@pytest.mark.parametrize(
    "step",
    [
        lambda x: x.sum().item(),
        lambda x: x.tolist(),
        lambda x: float(x[0]),
        lambda x: bool(x[0] > 0),
        lambda x: x[x > 0],
        lambda x: x.nonzero(),
        lambda x: x + torch.tensor([1.0, 2.0, 3.0]),
        lambda x: x + torch.arange(3),
        lambda x: x[[0, 1]],
        lambda x: x.cpu(),
        lambda x: x.unique(),
    ],
)
def test_the_tape_refuses_what_a_capture_would(step: Any) -> None:
    x = torch.ones(3)
    with pytest.raises(NotCaptured):
        record(lambda: step(x))


def test_the_tape_replays_memory_and_not_python() -> None:
    x, out, ran = torch.ones(3), torch.zeros(3), []

    def step() -> None:
        ran.append(1)
        doubled = x * 2
        doubled[1:] += len(ran)
        out.copy_(doubled)

    replay = Tape()(step)
    x.copy_(torch.tensor([3.0, 4.0, 5.0]))
    replay()
    assert out.tolist() == [6.0, 10.0, 12.0] and len(ran) == 2
