"""Several adapters with weights on one request: the numbers of a base whose weights hold their sum."""

import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from expertbuild.training.lowering import lower
from runtime.artifact.slots import Slot, SlotRecord
from runtime.engine.engine import Engine, Request
from runtime.engine.errors import AdapterRefused
from tests.engine.conftest import Trained
from tests.tiny import tiny_base

PROMPT = [1, 303, 201, 74, 75, 280, 421, 2, 201, 1, 67, 298, 319, 201]
Weights = dict[str, float]


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


def change(weight: torch.Tensor, slot: Slot) -> torch.Tensor:
    """D of one slot: what it adds to W."""
    merged = weight * (1 + slot.g_out[:, None]) if slot.g_out is not None else weight.clone()
    if slot.a is not None and slot.b is not None:
        merged += slot.b @ slot.a
    if slot.k is not None:
        merged += torch.kron(*slot.k)
    if slot.s is not None:
        merged[slot.s[0].long(), slot.s[1].long()] += slot.s[2]
    return merged * (slot.g_in if slot.g_in is not None else 1) - weight


def merged_base(base: Path, folder: Path, sums: list[tuple[Mapping[str, Slot], float]]) -> Path:
    """W + w1 D1 + w2 D2 + ... as a base of its own."""
    weights = load_file(base / "model.safetensors")
    before = {name: tensor.clone() for name, tensor in weights.items()}
    for slots, weight in sums:
        for module, slot in slots.items():
            weights[f"{module}.weight"] += weight * change(before[f"{module}.weight"], slot)
    target = tiny_base(folder)
    save_file(weights, target / "model.safetensors")
    return target


MIXTURES: list[Weights] = [
    {"lora": 0.7, "rslora": 0.4},
    {"lora": 1, "dora": 0.5},
    {"loha": 0.3, "lokr": 0.6, "rslora": 0.1},
    {"lora": 0.5, "ia3": 0.8},  # ia3 scales inputs of layers that lora changes
    {"lokr": 0.5, "ia3": 0.5},
    {"ia3": 0.4},
    {"dora": 0.25},
]


@pytest.mark.parametrize("weights", MIXTURES, ids=lambda weights: "+".join(weights))
def test_a_mixture_has_the_logits_of_a_merged_model(
    engine: Engine, base: Path, records: dict[str, SlotRecord], tmp_path: Path, weights: Weights
) -> None:
    merged = Engine.load(merged_base(base, tmp_path, [(records[kind].slots, w) for kind, w in weights.items()]))
    merged.tokenizer.eos_ids = frozenset()
    torch.testing.assert_close(engine.last_logits(PROMPT, weights), merged.last_logits(PROMPT), atol=3e-5, rtol=0)
    requests = [Request(PROMPT, 8, adapter=each) for each in (weights, None, "lora", weights)]
    told = engine.generate(requests)
    assert told[0].tokens == told[3].tokens == merged.generate([Request(PROMPT, 8)])[0].tokens
    assert told[2].tokens == engine.generate([Request(PROMPT, 8, adapter="lora")])[0].tokens


def test_every_part_of_a_record_is_added_up(engine: Engine, base: Path, tmp_path: Path) -> None:
    """Two records with rank rows, Kronecker, sparse parts and factors of inputs on the same layers."""
    torch.manual_seed(5)
    modules = engine.model.weights.modules()
    sizes = {module: (part.stop - part.start, linear.matrix.inputs) for module, linear, part in modules}

    def everything(rank: int) -> dict[str, Slot]:
        return {
            module: Slot(
                a=torch.randn(rank, inputs) * 0.1,
                b=torch.randn(outputs, rank) * 0.1,
                g_in=1 + torch.randn(inputs) * 0.1,
                k=(torch.randn(4, 2) * 0.1, torch.randn(outputs // 4, inputs // 2) * 0.1),
                s=(torch.arange(8).int(), torch.arange(8).int(), torch.randn(8) * 0.3),
            )
            for module, (outputs, inputs) in sizes.items()
        }

    first, second = everything(3), everything(5)
    engine.attach("first", SlotRecord("all", first), "1")
    engine.attach("second", SlotRecord("all", second), "2")
    merged = Engine.load(merged_base(base, tmp_path, [(first, 0.5), (second, 1.5)]))
    ours = engine.last_logits(PROMPT, {"first": 0.5, "second": 1.5})
    torch.testing.assert_close(ours, merged.last_logits(PROMPT), atol=5e-5, rtol=0)


def test_one_adapter_at_weight_one_is_the_adapter_itself(engine: Engine) -> None:
    assert torch.equal(engine.last_logits(PROMPT, {"lora": 1}), engine.last_logits(PROMPT, "lora"))


def test_outputs_scaled_beside_inputs_are_refused_by_name(engine: Engine) -> None:
    with pytest.raises(AdapterRefused, match=r"'dora' cannot be added to 'ia3': on model\.layers\.0\.mlp\."):
        engine.submit(Request(PROMPT, 1, adapter={"ia3": 1.0, "dora": 1.0}))
    assert not engine.busy


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ({}, "names 0 adapters"),
        ({f"n{number}": 1.0 for number in range(9)}, "names 9 adapters"),
        ({"lora": math.nan}, "weight of 'lora' is nan"),
        ({"lora": 0}, "weight of 'lora' is 0"),
        ({"lora": -0.5}, "is -0.5"),
        ({"lora": 1e30}, r"is 1e\+30"),
        ({"lora": 10**400}, "too long to print"),
        ({"lora": math.inf}, "is inf"),
        ({"lora": "1"}, "is '1'"),
        ({"lora": True}, "is True"),
        ({"lora": 1.0, "none": 1.0}, "no adapter 'none'"),
    ],
)
def test_a_bad_weight_ends_its_own_request_only(engine: Engine, weights: Any, words: str) -> None:
    alone = engine.generate([Request(PROMPT, 6, adapter="dora")])[0].tokens
    bad, good = engine.generate([Request(PROMPT, 6, adapter=weights), Request(PROMPT, 6, adapter="dora")])
    assert bad.finish_reason == "error" and re.search(words, str(bad.error)), bad.error
    assert good.tokens == alone


def test_pages_belong_to_the_weights_whatever_the_order(engine: Engine) -> None:
    def ask(weights: Weights) -> int:
        return engine.generate([Request(PROMPT * 3, 4, adapter=weights)])[0].usage.cached_tokens

    assert ask({"lora": 0.5, "dora": 0.25}) == 0
    assert ask({"dora": 0.25, "lora": 0.5}) == 32
    assert ask({"dora": 0.5, "lora": 0.25}) == 0
    assert ask({"lora": 0.5}) == 0
    engine.attach("lora", engine_record(), "another")
    assert ask({"lora": 0.5, "dora": 0.25}) == 0, "another content under the same name"


def test_members_may_leave_while_a_mixture_decodes(engine: Engine) -> None:
    weights = {"lora": 0.5, "loha": 0.5}
    alone = engine.generate([Request(PROMPT, 16, adapter=weights)])[0].tokens
    engine.submit(Request(PROMPT, 16, adapter=weights))
    told = None
    for number in range(30):
        told = next((event.result for event in engine.step() if event.result), told)
        if number == 3:
            engine.detach("lora")
            engine.attach("loha", engine_record(), "another")
    assert told is not None and told.tokens == alone


def engine_record() -> SlotRecord:
    torch.manual_seed(9)
    return SlotRecord("lora", {"model.layers.0.mlp.up_proj": Slot(a=torch.randn(2, 64), b=torch.randn(96, 2))})
