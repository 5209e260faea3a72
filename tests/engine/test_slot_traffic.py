"""Every kind of adapter at once, coming, going and being replaced, with bad requests among good ones: no answer differs
from what it would have been alone."""

import random
from pathlib import Path
from typing import Any

import pytest
import torch

from expertbuild.training.lowering import lower
from runtime.artifact.prompt import SoftPrompt
from runtime.artifact.slots import Slot, SlotRecord
from runtime.engine.engine import Engine, Request, Result, Sampling
from runtime.engine.errors import AdapterRefused
from tests.engine.conftest import Trained
from tests.engine.graphed import graphed, poison

KINDS = ["lora", "rslora", "dora", "ia3", "loha", "lokr"]
COUNT = 60


@pytest.fixture(scope="module")
def records(base: Path, trained: dict[str, Trained]) -> dict[str, SlotRecord]:
    torch.manual_seed(8)
    made = {kind: lower(each.directory, base) for kind, each in trained.items()}
    made["soft"] = SlotRecord("prompt", prompt=SoftPrompt(embeddings=torch.randn(21, 64) * 0.2))
    keys, values = torch.randn(2, 35, 32), torch.randn(2, 35, 32)
    made["prefix"] = SlotRecord("prefix", prompt=SoftPrompt(keys=keys, values=values))
    sparse = (torch.arange(40).int(), torch.arange(40).int(), torch.randn(40))
    made["sparse"] = SlotRecord("osd", {"model.layers.0.mlp.up_proj": Slot(s=sparse)})
    return made


def loaded(base: Path, records: dict[str, SlotRecord], *, captured: bool = False, **options: Any) -> Engine:
    engine = graphed(base, **options)[0] if captured else Engine.load(base, **options)
    engine.tokenizer.eos_ids = frozenset({2})
    for name, record in records.items():
        engine.attach(name, record, name)
    return engine


def requests(engine: Engine, seed: int, count: int) -> list[Request]:
    """Good ones and bad ones; each bad one is refused or ends with a reason."""
    rng = random.Random(seed)
    bound = engine.compile_grammar('root ::= "{" [a-z ]* "}"')
    stuck = engine.compile_grammar({"$ref": "#"})
    wanted: list[Any] = [*KINDS, "soft", "prefix", "sparse", None]
    wanted += [{"lora": 0.5, "rslora": 1.25}, {"loha": 0.3, "lokr": 0.3, "sparse": 2.0}, {"ia3": 0.7, "lora": 0.1}]
    bad: list[Any] = [{"lora": float("nan")}, {"lora": 1e30}, {"soft": 0.5}, {"dora": 1.0, "ia3": 1.0}, "nobody"]
    shared = [rng.randrange(3, 500) for _ in range(40)]
    made = []
    for number in range(count):
        tokens = shared[: rng.randrange(1, 40)] + [rng.randrange(3, 500) for _ in range(rng.randrange(1, 20))]
        heat = rng.choice([0.0, 0.8])
        made.append(
            Request(
                tokens,
                rng.randrange(1, 24),
                adapter=rng.choice(bad) if rng.random() < 0.15 else rng.choice(wanted),
                sampling=Sampling(temperature=heat, seed=number, repetition_penalty=rng.choice([1.0, 1.2])),
                grammar=rng.choice([None, None, None, bound, stuck]),
            )
        )
    return made


@pytest.mark.parametrize(("seed", "captured"), [(1, False), (3, False), (2, True)])
def test_traffic_of_every_kind_answers_as_each_would_alone(
    base: Path, records: dict[str, SlotRecord], seed: int, captured: bool
) -> None:
    """`captured`: decoding steps are replayed from memory, and what is nobody's in it is NaN."""
    alone = loaded(base, records)
    engine = loaded(base, records, captured=captured, cache_tokens=400, max_batch=6, step_tokens=48)
    rng = random.Random(seed)
    todo = requests(engine, seed, COUNT)
    expected = [alone.generate([request])[0] for request in requests(alone, seed, COUNT)]
    told: dict[str, Result] = {}
    refused: dict[str, str] = {}
    places = {request.id: place for place, request in enumerate(todo)}
    waiting = list(todo)
    while waiting or engine.busy:
        for _ in range(rng.randrange(3)):
            if waiting:
                request = waiting.pop(0)
                try:
                    engine.submit(request)
                except AdapterRefused as refusal:
                    refused[request.id] = str(refusal)
        if engine.graphs is not None:
            poison(engine.graphs)
        for event in engine.step():
            if event.result is not None:
                told[event.id] = event.result
        name = rng.choice([*records])
        if rng.random() < 0.2:
            engine.detach(name)
            if rng.random() < 0.5:
                engine.attach(name, records[rng.choice([*records])], "another")
                for _ in range(2):
                    told.update({event.id: event.result for event in engine.step() if event.result is not None})
            engine.attach(name, records[name], name)
        engine.check()
    assert engine.graphs is None or engine.graphs.counts.replayed > 20
    assert refused and len(told) + len(refused) == len(todo)
    assert {result.finish_reason for result in told.values()} >= {"length", "error"}
    for request_id, result in told.items():
        other = expected[places[request_id]]
        assert (result.tokens, result.finish_reason, result.error) == (other.tokens, other.finish_reason, other.error)
    for request_id, reason in refused.items():
        assert reason == expected[places[request_id]].error
