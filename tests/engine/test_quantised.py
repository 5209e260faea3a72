"""Bases in fewer bits: the fast forms equal their twins, adapters apply, canaries still find wrong weights."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.artifact.canary import Canary, Probe
from runtime.artifact.slots import Slot, SlotRecord
from runtime.engine.engine import Engine, Request
from runtime.engine.errors import CanaryFailed
from runtime.engine.matrix import HOLDINGS, hold
from runtime.engine.quantised import (
    FEW_ROWS,
    FLOAT16_MOST,
    Float16,
    Int4,
    Int4Twin,
    Int8,
    Int8Few,
    Int8Twin,
    open_blocks,
    round_groups,
)
from tests.tiny import tiny_base

PROMPT = list(range(20, 60))
# The error that each way of holding a matrix may make, of the length of the result, on normal numbers.
ERRORS = {"auto": 1e-5, "bf16": 0.02, "fp16": 1e-3, "int8": 0.05, "int4": 0.25}

fast8 = pytest.mark.parametrize("form", [each for each in (Int8, Int8Few) if each.works(torch.device("cpu"))])


def _weight(outputs: int, inputs: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(outputs, inputs, generator=torch.Generator().manual_seed(seed)) / inputs**0.5


def _held(weights: str) -> str:
    """How it is held here: where float16's kernel is not to be had, as bf16."""
    return "bf16" if weights == "fp16" and not Float16.works(torch.ones(1, 1)) else weights


@pytest.mark.parametrize("weights", HOLDINGS)
@pytest.mark.parametrize(("outputs", "inputs"), [(192, 96), (48, 64), (10, 32), (64, 40), (1, 1)])
def test_each_way_of_holding_stays_near_the_weights(weights: str, outputs: int, inputs: int) -> None:
    weight, x = _weight(outputs, inputs), 5 * _weight(FEW_ROWS + 8, inputs, 3)
    matrix = hold(weight, weights)
    assert (matrix.outputs, matrix.inputs) == (outputs, inputs)
    for rows in (x[:1], x[:5], x):
        error = (matrix(rows) - rows @ weight.t()).norm() / (rows @ weight.t()).norm()
        assert error <= ERRORS[_held(weights)], rows.shape
    bias = torch.randn(outputs)
    torch.testing.assert_close(matrix(x, bias), matrix(x) + bias)


@fast8
@settings(max_examples=25, deadline=None)
@given(outputs=st.integers(1, 130), inputs=st.integers(1, 130), rows=st.integers(1, 20), seed=st.integers(0, 99))
def test_int8_on_a_cpu_is_its_twin(
    form: type[Int8] | type[Int8Few], outputs: int, inputs: int, rows: int, seed: int
) -> None:
    """And each row is what it is alone: nobody's answer depends on who shares the batch."""
    weight = _weight(outputs, inputs, seed)
    x = torch.randn(rows, inputs, generator=torch.Generator().manual_seed(seed + 1)) * 10.0 ** (seed % 7 - 3)
    found = form(weight)(x)
    torch.testing.assert_close(found, Int8Twin(weight)(x), rtol=1e-5, atol=1e-6 * float(x.abs().max()))
    torch.testing.assert_close(found[-1:], form(weight)(x[-1:]), rtol=0, atol=0)


def test_float16_multiplies_the_rounded_weights_exactly_and_takes_none_it_cannot_hold() -> None:
    weight = _weight(96, 64)
    if not Float16.works(weight):
        pytest.skip("this torch has no float16 products for this CPU")
    x = 5 * _weight(7, 64, 1)
    found = Float16(weight)(x)
    torch.testing.assert_close(found, x @ weight.half().float().t(), atol=1e-5, rtol=1e-5)
    assert torch.equal(found[-1:], Float16(weight)(x[-1:])), "a row depends on its company"
    weight[1, 1] = 2 * FLOAT16_MOST
    large = hold(weight, "fp16")
    assert not isinstance(large, Float16)
    torch.testing.assert_close(large(x), x @ weight.t(), rtol=0.02, atol=0.02 * float((x @ weight.t()).abs().max()))


@pytest.mark.parametrize("outputs", [16, 64, 80, 256])
def test_int4_on_a_cpu_is_its_twin(outputs: int) -> None:
    weight = _weight(outputs, 128)
    if not Int4.works(weight):
        pytest.skip("this torch has no int4 kernel for this CPU")
    for rows in (1, 7, FEW_ROWS, FEW_ROWS + 1):
        x = torch.randn(rows, 128)
        torch.testing.assert_close(Int4(weight)(x), Int4Twin(weight)(x), rtol=0.02, atol=0.02)


def test_int4_blocks_open_to_the_numbers_that_went_in() -> None:
    matrix = Int4(_weight(128, 64))
    if not matrix._opens:
        pytest.skip("torch lays int4 out otherwise on this CPU")
    numbers, _, _ = round_groups(_weight(128, 64))
    assert torch.equal(open_blocks(matrix._bytes, 64).transpose(1, 2).reshape(128, 64), numbers)


@pytest.mark.parametrize("kind", [Int8, Int8Few, Int8Twin, Int4, Int4Twin, Float16])
def test_zeros_stay_zeros_and_what_is_not_finite_stays_in_its_row(kind: type) -> None:
    weight = _weight(64, 64)
    weight[3] = 0
    x = torch.randn(3, 64)
    x[0], x[1, 5] = 0, torch.nan
    found = kind(weight)(x)
    assert torch.equal(found[0], torch.zeros(64)) and abs(float(found[2, 3])) < 1e-20
    assert found[1].isnan().any() and found[2].isfinite().all()


@pytest.mark.parametrize(("weights", "share"), [("bf16", 0.55), ("fp16", 0.55), ("int8", 0.32), ("int4", 0.25)])
def test_a_base_takes_less_memory_and_answers_alike(base: Path, weights: str, share: float) -> None:
    exact, engine = Engine.load(base), Engine.load(base, weights=weights)
    sizes = [sum(x.matrix.nbytes for layer in e.model.weights.layers for x in layer.linears()) for e in (engine, exact)]
    assert sizes[0] <= share * sizes[1]
    ours, theirs = engine.last_logits(PROMPT), exact.last_logits(PROMPT)
    assert ours.dtype == torch.float32
    assert torch.corrcoef(torch.stack((ours, theirs)))[0, 1] > (0.9 if weights == "int4" else 0.998)
    result = engine.generate([Request(PROMPT, 4), Request(PROMPT[:3], 4)])
    assert [each.finish_reason for each in result] == ["length", "length"]
    engine.check()


def _record(engine: Engine) -> SlotRecord:
    """Every part of a slot on some layer; how the exact base answers with it, other tests compare with PEFT."""
    torch.manual_seed(5)
    slots = {}
    for number, (module, linear, part) in enumerate(engine.model.weights.modules()):
        outputs, inputs = part.stop - part.start, linear.matrix.inputs
        low = {"a": torch.randn(3, inputs) / inputs**0.5, "b": torch.randn(outputs, 3)}
        kinds = (
            low,
            low | {"g_out": torch.randn(outputs) * 0.3},
            {"g_in": 1 + torch.randn(inputs) * 0.3},
            {"k": (torch.randn(4, 2) * 0.3, torch.randn(outputs // 4, inputs // 2) * 0.3)},
        )
        slots[module] = Slot(**kinds[number % len(kinds)])
    return SlotRecord("all", slots)


@pytest.mark.parametrize("weights", ["bf16", "fp16", "int8", "int4"])
def test_adapters_apply_to_a_rounded_base(base: Path, weights: str) -> None:
    error = {"bf16": 0.03, "fp16": 0.005, "int8": 0.1, "int4": 0.7}[_held(weights)]
    exact, engine = Engine.load(base), Engine.load(base, weights=weights)
    record = _record(exact)
    for each in (exact, engine):
        each.attach("it", record, "it")
    told, alone = exact.last_logits(PROMPT, "it"), exact.last_logits(PROMPT)
    assert (engine.last_logits(PROMPT, "it") - told).norm() < error * (alone - told).norm()


def _canary(engine: Engine, name: str) -> Canary:
    probes = []
    for start in (5, 90):
        tokens = list(range(start, start + 30))
        values, ids = engine.last_logits(tokens, name).topk(64)
        probes.append(Probe(torch.tensor(tokens, dtype=torch.int32), ids.int(), values))
    return Canary(probes, 0.05)


@pytest.mark.parametrize("weights", ["bf16", "fp16", "int8"])
def test_a_canary_passes_on_the_rounded_base_and_on_no_other(base: Path, tmp_path: Path, weights: str) -> None:
    exact = Engine.load(base)
    record = _record(exact)
    exact.attach("it", record, "it")
    canary = _canary(exact, "it")
    right, wrong = Engine.load(base, weights=weights), Engine.load(tiny_base(tmp_path, seed=7), weights=weights)
    for engine in (right, wrong):
        engine.attach("it", record, "it")
    right.check_canary("it", canary)
    with pytest.raises(CanaryFailed, match="of its spread"):
        wrong.check_canary("it", canary)
    # The right base with another adapter: only half of what B adds.
    halved = {
        module: replace(slot, b=slot.b * 0.5) if slot.b is not None else slot for module, slot in record.slots.items()
    }
    right.attach("it", SlotRecord("all", halved), "halved")
    with pytest.raises(CanaryFailed, match="of its spread"):
        right.check_canary("it", canary)


def test_a_canary_of_nonsense_does_not_pass_by_being_rounded(base: Path) -> None:
    engine = Engine.load(base, weights="int8")
    engine.attach("it", SlotRecord("lora", {"model.layers.0.self_attn.v_proj": Slot(g_out=torch.zeros(32))}), "it")
    canary = _canary(engine, "it")
    engine.check_canary("it", canary)
    shuffled = [Probe(p.tokens, p.top_ids.flip(0), p.top_values) for p in canary.probes]
    with pytest.raises(CanaryFailed):
        engine.check_canary("it", Canary(shuffled, 0.05))


def test_a_way_of_holding_that_is_none_is_refused_and_each_has_its_canary_rule(base: Path) -> None:
    from runtime.engine.errors import BaseRefused
    from runtime.engine.replay import SHARES

    with pytest.raises(BaseRefused, match="weights='int3' is not one of auto, bf16, fp16, int8, int4"):
        Engine.load(base, weights="int3")
    assert SHARES.keys() == HOLDINGS.keys()


def test_a_base_stored_by_bitsandbytes_is_read(tmp_path: Path) -> None:
    """Through bitsandbytes itself: what it packs, and what it says the tensor was."""
    functional = pytest.importorskip("bitsandbytes").functional
    import json

    from safetensors.torch import load_file, save_file

    base, whole = tiny_base(tmp_path / "packed"), tiny_base(tmp_path / "whole")
    weights = load_file(base / "model.safetensors")
    stored, again = dict(weights), dict(weights)
    for name, tensor in weights.items():
        if name.endswith("proj.weight"):
            packed, state = functional.quantize_4bit(tensor, quant_type="nf4", compress_statistics=True)
            stored[name], again[name] = packed, functional.dequantize_4bit(packed, state)
            stored |= {f"{name}.{part}": value for part, value in state.as_dict(packed=True).items()}
    save_file(stored, base / "model.safetensors")
    save_file(again, whole / "model.safetensors")
    config = json.loads((base / "config.json").read_text())
    config["quantization_config"] = {"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}
    (base / "config.json").write_text(json.dumps(config))
    torch.testing.assert_close(Engine.load(base).last_logits(PROMPT), Engine.load(whole).last_logits(PROMPT))
