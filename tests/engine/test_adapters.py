"""Slot records of every kind and rank, alone and in one batch: PEFT's numbers, and no row that reaches another."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from expertbuild.training.lowering import lower
from runtime.artifact.canary import Canary, Probe
from runtime.artifact.slots import Slot, SlotRecord, read_slots, write_slots
from runtime.engine.engine import Engine, Request, Sampling
from runtime.engine.errors import AdapterRefused, CanaryFailed
from tests.engine.conftest import Trained
from tests.tiny import tiny_base

PROMPT = [1, 303, 201, 74, 75, 280, 421, 2, 201, 1, 67, 298, 319, 201]
KINDS = ["lora", "rslora", "dora", "ia3", "loha", "lokr"]


@pytest.fixture(scope="module")
def records(base: Path, trained: dict[str, Trained]) -> dict[str, SlotRecord]:
    return {kind: lower(each.directory, base) for kind, each in trained.items()}


@pytest.fixture
def engine(base: Path, records: dict[str, SlotRecord]) -> Iterator[Engine]:
    engine = Engine.load(base, max_batch=16)
    engine.tokenizer.eos_ids = frozenset()
    for kind, record in records.items():
        engine.attach(kind, record, f"digest of {kind}")
    yield engine
    engine.check()


@pytest.mark.parametrize("kind", KINDS)
def test_one_kind_alone_gives_the_logits_of_peft(engine: Engine, trained: dict[str, Trained], kind: str) -> None:
    ours, theirs = engine.last_logits(PROMPT, kind), trained[kind].logits(PROMPT)[-1]
    torch.testing.assert_close(ours, theirs, atol=2e-5, rtol=0)
    assert (ours - engine.last_logits(PROMPT)).abs().max() > 0.05, "the adapter changes nothing"


def test_all_kinds_in_one_batch_give_what_peft_gives_one_after_the_other(
    engine: Engine, trained: dict[str, Trained]
) -> None:
    """Prompts of unequal lengths, decoded together through the cache, the base among them."""
    requests = [Request(PROMPT[: 5 + number], 10, adapter=kind) for number, kind in enumerate([*KINDS, None, "lora"])]
    watched = _watch(engine)
    results = engine.generate(requests)
    assert any(len(step) == len(requests) for step in watched), "they never ran together"
    for request, result in zip(requests, results, strict=True):
        text = request.tokens + result.tokens
        if request.adapter is None:
            told = [int(engine.last_logits(text[:size]).argmax()) for size in range(len(request.tokens), len(text))]
        else:
            told = trained[request.adapter].logits(text)[len(request.tokens) - 1 : -1].argmax(-1).tolist()
        assert result.tokens == told, request.adapter


def test_mixed_rows_have_the_numbers_of_single_rows(engine: Engine, trained: dict[str, Trained]) -> None:
    watched = _watch(engine)
    engine.generate([Request(PROMPT, 1, adapter=kind) for kind in KINDS])
    (logits,) = [step for step in watched if len(step) == len(KINDS)]
    for row, kind in zip(logits, KINDS, strict=True):
        torch.testing.assert_close(row, trained[kind].logits(PROMPT)[-1], atol=2e-5, rtol=0, msg=kind)


def test_the_formula_with_every_part_at_once(base: Path, tmp_path: Path) -> None:
    """y = W x' + g_out * (W x') + B (A x') + K(x') + S x' with x' = g_in * x, compared with a merged weight."""
    torch.manual_seed(3)
    engine = Engine.load(base)
    modules = engine.model.weights.modules()
    sizes = {module: (part.stop - part.start, linear.matrix.inputs) for module, linear, part in modules}
    slots = {}
    for module, (outputs, inputs) in sizes.items():
        rows, columns = torch.arange(0, outputs, 5), torch.arange(0, outputs, 5) % inputs
        slots[module] = Slot(
            a=torch.randn(3, inputs) * 0.1,
            b=torch.randn(outputs, 3) * 0.1,
            g_out=torch.randn(outputs) * 0.1,
            g_in=1 + torch.randn(inputs) * 0.1,
            k=(torch.randn(4, 2) * 0.1, torch.randn(outputs // 4, inputs // 2) * 0.1),
            s=(rows.int(), columns.int(), torch.randn(len(rows)) * 0.3),
        )
    engine.attach("all", SlotRecord("all", slots), "d")
    others = {module: Slot(g_in=torch.rand(size[1])) for module, size in list(sizes.items())[::2]}
    engine.attach("other", SlotRecord("ia3", others), "e")
    watched = _watch(engine)
    engine.generate([Request(PROMPT, 1, adapter=name) for name in ("other", "all")])
    weights = load_file(base / "model.safetensors")
    for module, slot in slots.items():
        weight = weights[f"{module}.weight"]
        assert slot.a is not None and slot.b is not None and slot.k is not None and slot.s is not None
        assert slot.g_out is not None and slot.g_in is not None
        merged = weight * (1 + slot.g_out[:, None]) + slot.b @ slot.a + torch.kron(*slot.k)
        merged[slot.s[0].long(), slot.s[1].long()] += slot.s[2]
        weights[f"{module}.weight"] = merged * slot.g_in
    merged_base = tiny_base(tmp_path)
    save_file(weights, merged_base / "model.safetensors")
    merged_logits = Engine.load(merged_base).last_logits(PROMPT)
    torch.testing.assert_close(watched[0][1], merged_logits, atol=2e-5, rtol=0)


def test_an_adapter_that_overflows_ends_its_own_request_only(engine: Engine, records: dict[str, SlotRecord]) -> None:
    """Values so large that even a neighbour's row would overflow in them must not reach that neighbour."""
    huge = {
        module: replace(slot, a=slot.a.sign() * 3e38, b=slot.b.sign() * 3e38)
        for module, slot in records["lora"].slots.items()
        if slot.a is not None and slot.b is not None
    }
    engine.attach("huge", SlotRecord("lora", huge), "huge")
    names = ["lora", "huge", "dora", None, "lokr"]
    alone = [engine.generate([Request(PROMPT, 6, adapter=name)])[0].tokens for name in names]
    results = engine.generate([Request(PROMPT, 6, adapter=name) for name in names])
    assert results[1].finish_reason == "error" and "not finite" in str(results[1].error)
    for place in (0, 2, 3, 4):
        assert results[place].tokens == alone[place] and results[place].finish_reason == "length"


def test_pages_of_a_broken_request_do_not_poison_who_gets_them_next(
    base: Path, engine: Engine, records: dict[str, SlotRecord]
) -> None:
    small = Engine.load(base, cache_tokens=48)
    before = small.generate([Request(PROMPT, 8)])[0].tokens
    huge = {"model.layers.0.self_attn.v_proj": Slot(g_out=torch.full((32,), 3e38))}
    small.attach("huge", SlotRecord("lora", huge), "huge")
    for _ in range(4):
        assert small.generate([Request(PROMPT * 2, 8, adapter="huge")])[0].finish_reason == "error"
        assert small.generate([Request(PROMPT, 8)])[0].tokens == before


def test_the_same_name_with_other_content_never_gets_the_old_pages(
    engine: Engine, records: dict[str, SlotRecord]
) -> None:
    request: dict[str, Any] = {"max_tokens": 8, "tokens": PROMPT * 3}
    first = engine.generate([Request(**request, adapter="lora")])[0]
    again = engine.generate([Request(**request, adapter="lora")])[0]
    assert again.usage.cached_tokens == 32 and again.tokens == first.tokens
    engine.attach("lora", records["dora"], "digest of dora")
    replaced = engine.generate([Request(**request, adapter="lora")])[0]
    assert replaced.usage.cached_tokens == 0 and replaced.tokens != first.tokens
    shared = engine.generate([Request(**request, adapter="dora")])[0]
    assert shared.usage.cached_tokens == 32 and shared.tokens == replaced.tokens, "the same content may share"
    engine.attach("lora", records["loha"], "digest of dora")
    mistaken = engine.generate([Request(**request, adapter="lora")])[0]
    assert mistaken.usage.cached_tokens == 0, "a caller's mistaken digest must not mix up two adapters"


def test_adapters_come_and_go_while_others_decode(engine: Engine, records: dict[str, SlotRecord]) -> None:
    alone = {kind: engine.generate([Request(PROMPT, 20, adapter=kind)])[0].tokens for kind in ("lora", "dora", "loha")}
    for kind in alone:
        engine.submit(Request(PROMPT, 20, adapter=kind, id=kind))
    finished = {}
    for number in range(40):
        for event in engine.step():
            if event.result is not None:
                finished[event.id] = event.result.tokens
        if number == 3:
            engine.detach("dora")
        if number == 5:
            engine.attach("lora", records["ia3"], "digest of ia3")
        if number == 7:
            engine.attach("late", records["rslora"], "digest of rslora")
            engine.submit(Request(PROMPT, 4, adapter="late"))
    assert {kind: finished[kind] for kind in alone} == alone
    with pytest.raises(AdapterRefused, match="no adapter 'dora'"):
        engine.submit(Request(PROMPT, 1, adapter="dora"))
    assert set(engine.attached()) == {"lora", "rslora", "ia3", "loha", "lokr", "late"}


def test_a_record_survives_its_file(engine: Engine, records: dict[str, SlotRecord]) -> None:
    """Attached from a buffer that is overwritten afterwards."""
    buffer = bytearray(write_slots(records["lokr"], "fp32"))
    engine.attach("filed", read_slots(buffer), "digest of lokr")
    buffer[-4000:] = bytes(4000)
    assert torch.equal(engine.last_logits(PROMPT, "filed"), engine.last_logits(PROMPT, "lokr"))


def test_attaching_many_does_not_slow_the_mask_of_one(engine: Engine, records: dict[str, SlotRecord]) -> None:
    """64 adapters attached, twelve in a batch, each still itself."""
    for number in range(64):
        engine.attach(f"n{number}", records[KINDS[number % 6]], f"digest of {KINDS[number % 6]}")
    results = engine.generate([Request(PROMPT, 6, adapter=f"n{number}") for number in range(12)])
    for number, result in enumerate(results):
        assert result.tokens == results[number % 6].tokens


def test_a_canary_must_come_out_again(engine: Engine) -> None:
    values, ids = engine.last_logits(PROMPT, "dora").topk(8)
    probe = Probe(torch.tensor(PROMPT, dtype=torch.int32), ids.int(), values)
    engine.check_canary("dora", Canary([probe], 1e-3))
    for name in ("lora", "ia3"):
        with pytest.raises(CanaryFailed, match=f"canary 0 of '{name}' is off by"):
            engine.check_canary(name, Canary([probe], 1e-3))
    with pytest.raises(CanaryFailed, match="nan"):
        engine.check_canary("dora", Canary([replace(probe, top_values=values * float("nan"))], 1e-3))
    with pytest.raises(CanaryFailed, match="which the base lacks"):
        engine.check_canary("dora", Canary([replace(probe, top_ids=ids.int() + 512)], 1e-3))


@pytest.mark.parametrize(
    ("slots", "words"),
    [
        ({}, "empty"),
        ({"model.layers.9.mlp.up_proj": Slot(g_in=torch.ones(64))}, "targets 'model.layers.9.mlp.up_proj'"),
        ({"lm_head": Slot(g_in=torch.ones(64))}, "targets 'lm_head'"),
        ({"model.layers.0.mlp.up_proj": Slot(g_in=torch.ones(63))}, r"g_in is \[63\], the base needs \[64\]"),
        ({"model.layers.0.mlp.up_proj": Slot(g_out=torch.full((96,), float("nan")))}, "not finite"),
        ({"model.layers.0.mlp.up_proj": Slot(a=torch.ones(0, 64), b=torch.ones(96, 0))}, "rank 0"),
        ({"model.layers.0.mlp.up_proj": Slot(a=torch.ones(4096, 64), b=torch.ones(96, 4096))}, "rank 4096"),
        ({"model.layers.0.mlp.up_proj": Slot(a=torch.ones(2, 128), b=torch.ones(96, 2))}, "A is"),
        ({"model.layers.0.mlp.up_proj": Slot(a=torch.ones(2, 64))}, "without the other"),
        ({"model.layers.0.mlp.up_proj": Slot(k=(torch.ones(2, 2), torch.ones(2, 2)))}, r"K is \[4, 4\]"),
        (
            {"model.layers.0.mlp.up_proj": Slot(s=(torch.tensor([96]), torch.tensor([0]), torch.ones(1)))},
            "S lies outside",
        ),
    ],
)
def test_a_record_that_does_not_fit_is_refused_by_name(engine: Engine, slots: dict[str, Slot], words: str) -> None:
    with pytest.raises(AdapterRefused, match=words):
        engine.attach("bad", SlotRecord("lora", slots), "d")
    assert "bad" not in engine.attached()


def test_an_adapter_of_another_base_is_refused(tmp_path: Path, records: dict[str, SlotRecord]) -> None:
    engine = Engine.load(tiny_base(tmp_path, hidden_size=80))
    with pytest.raises(AdapterRefused, match="the base needs"):
        engine.attach("other", records["lora"], "d")


def test_sampling_with_adapters_is_the_same_alone_and_in_company(engine: Engine) -> None:
    def request(kind: str | None) -> Request:
        return Request(PROMPT, 8, adapter=kind, sampling=Sampling(temperature=1.0, seed=5))

    together = engine.generate([request(kind) for kind in [*KINDS, None]])
    for kind, result in zip([*KINDS, None], together, strict=True):
        assert engine.generate([request(kind)])[0].tokens == result.tokens


def _watch(engine: Engine) -> list[Tensor]:
    """The logits of every step from here on."""
    seen: list[Tensor] = []
    choose = engine.model.forward

    def watching(batch: Any, pages: Any) -> Tensor:
        logits = choose(batch, pages)
        if pages is not None:
            seen.append(logits.clone())
        return logits

    engine.model.forward = watching  # type: ignore[method-assign]
    return seen
