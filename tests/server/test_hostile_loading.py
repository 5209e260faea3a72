"""SAFETY 48, 50: adapters and canaries that are signed and sound as files, and do not fit the base: refused, nobody harmed."""

from pathlib import Path

import pytest
import torch

from runtime.artifact.canary import Canary, Probe, write_canary
from runtime.artifact.slots import Slot, SlotRecord, write_slots
from runtime.engine.engine import Engine
from runtime.registry.store import Store
from runtime.service import Runtime
from tests.server.installed import package

CANARY, SLOTS = "variants/tiny/canary.safetensors", "variants/tiny/slots.safetensors"
Q = "model.layers.0.self_attn.q_proj"


def probe(tokens: list[int], ids: list[int]) -> bytes:
    return write_canary(Canary([Probe(torch.tensor(tokens), torch.tensor(ids), torch.ones(len(ids)))], 1e-3))


def record(**slots: Slot) -> bytes:
    return write_slots(SlotRecord("lora", {name.replace("__", "."): slot for name, slot in slots.items()}), "fp32")


def not_finite() -> bytes:
    data = bytearray(record(**{Q: Slot(g_out=torch.ones(64))}))
    data[-4:] = b"\x00\x00\xc0\x7f"  # the last number of g_out
    return bytes(data)


HOSTILE = {
    "a token beyond the vocabulary": ({CANARY: probe([5, 10**6], [3])}, "canary", "1000000"),
    "a logit beyond the vocabulary": ({CANARY: probe([5], [512])}, "canary", "token 512, which the base lacks"),
    "a prompt longer than the cache": ({CANARY: probe([5] * 100_000, [3])}, "canary", ""),
    "values that are not finite": ({SLOTS: not_finite()}, "files", "not finite"),
    "a layer that the base lacks": ({SLOTS: record(**{"model.layers.7.mlp.up_proj": Slot(g_in=torch.ones(64))})}, "shapes", "layers.7"),
    "a matrix that is no target": ({SLOTS: record(lm_head=Slot(g_in=torch.ones(64)))}, "shapes", "lm_head"),
    "a shape of another base": ({SLOTS: record(**{Q: Slot(g_out=torch.ones(65))})}, "shapes", r"\[65\]"),
    "a rank beyond all measure": ({SLOTS: record(**{Q: Slot(a=torch.ones(4096, 64), b=torch.ones(64, 4096))})}, "shapes", "rank 4096"),
    "no slot at all": ({SLOTS: record()}, "shapes", "empty"),
}  # fmt: skip


@pytest.mark.parametrize("what", HOSTILE)
def test_what_does_not_fit_the_base_is_refused_and_the_others_answer(
    base: Path, engine: Engine, tmp_path: Path, what: str
) -> None:
    members, stage, words = HOSTILE[what]
    store = Store(tmp_path / "store")
    store.install(package(tmp_path / "good.expert", engine, "record"))
    store.install(package(tmp_path / "bad.expert", engine, "query", members=members))
    with Runtime(base, store=store, cache_tokens=1024) as runtime:
        assert list(runtime.experts) == ["local/expert-record"]
        refusal = str(runtime.refused["local/expert-query"])
        assert f"is not loaded ({stage})" in refusal
        assert words.replace("\\", "") in refusal
        assert [name for name in runtime.engine.attached() if "query" in name] == []
        assert runtime.generate("One", expert="expert-record", max_tokens=4).text
