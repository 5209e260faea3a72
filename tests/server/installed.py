"""Two experts, built by hand for a tiny base and installed as a person would: signed, trusted, in a store."""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from runtime.artifact.canary import Canary, Probe, write_canary
from runtime.artifact.manifest import Adapter, Decoding, Manifest, Routing, VariantManifest
from runtime.artifact.release import seal
from runtime.artifact.slots import Slot, SlotRecord, write_slots
from runtime.engine.engine import Engine
from runtime.registry.keys import developer_key
from runtime.registry.store import Store
from runtime.router.profile import build_profile
from tests.router.kinds import prompts

# Modules of the tiny base and the shapes of their matrices.
TARGETS = {"model.layers.0.self_attn.q_proj": (64, 64), "model.layers.1.mlp.down_proj": (64, 96)}
JSON_GRAMMAR = 'root ::= "{\\"n\\": " [0-9] "}"'
ROUTING: dict[str, dict[str, Any]] = {
    "query": {"keywords": ["sql", "postgres"], "exclude_keywords": ["mongodb"], "priority": 0.5},
    "record": {"keywords": ["json"], "exclude_keywords": [], "priority": 0.0},
}


def record_for(seed: int) -> SlotRecord:
    """A LoRA of random numbers on two matrices."""
    generator = torch.Generator().manual_seed(seed)
    slots = {}
    for name, (rows, columns) in TARGETS.items():
        a = torch.randn(4, columns, generator=generator) / columns**0.5
        slots[name] = Slot(a=a, b=torch.randn(rows, 4, generator=generator))
    return SlotRecord("lora", slots)


def canary_for(engine: Engine, record: SlotRecord, shift: float = 0.0) -> bytes:
    engine.attach("measured", record, "measured")
    tokens = engine.tokenizer.encode("the quick brown fox")
    logits = engine.last_logits(tokens, "measured")
    engine.detach("measured")
    values, ids = logits.topk(8)
    probe = Probe(torch.tensor(tokens, dtype=torch.int32), ids.int(), values + shift)
    return write_canary(Canary([probe], 1e-3))


@lru_cache
def _profile(kind: str) -> dict[str, bytes]:
    with TemporaryDirectory() as folder:
        build_profile(prompts(kind, 60), ROUTING[kind], {}, folder)
        return {file.name: file.read_bytes() for file in Path(folder).iterdir()}


def package(
    path: Path,
    engine: Engine,
    kind: str = "query",
    *,
    shift: float = 0.0,
    signed: bool = True,
    members: Mapping[str, bytes] | None = None,
    digests: tuple[str, str] | None = None,
    profile: bool = True,
    slots: bool = True,
    record: SlotRecord | None = None,
    **changes: Any,
) -> Path:
    """A sealed package `local/expert-KIND` for the engine's base, at `path`."""
    record = record or record_for(len(kind))
    path.parent.mkdir(parents=True, exist_ok=True)
    made: dict[str, bytes | Path] = {
        "variants/tiny/slots.safetensors": write_slots(record, "fp32"),
        "variants/tiny/canary.safetensors": canary_for(engine, record, shift),
        "variants/tiny/evaluation.json": b'{"n":1}',
    }
    if not slots:
        del made["variants/tiny/slots.safetensors"]
    if profile:
        made |= {f"profile/{name}": data for name, data in _profile(kind).items()}
    grammar = kind == "record"
    if grammar:
        made["grammar.gbnf"] = JSON_GRAMMAR.encode()
    routing = ROUTING[kind]
    manifest = Manifest(
        publisher="local",
        name=f"expert-{kind}",
        version="0.1.0",
        summary=f"Knows about {kind}.",
        license="Apache-2.0",
        routing=Routing(tuple(routing["keywords"]), tuple(routing["exclude_keywords"]), routing["priority"]),
        variants={
            "tiny": VariantManifest(*(digests or (engine.base_digest, engine.tokenizer_digest)), Adapter("lora", 4))
        },
        decoding=Decoding(system=f"You are {kind}.", max_tokens=12, grammar=grammar),
    )
    seal(path, made | dict(members or {}), replace(manifest, **changes), [developer_key()] if signed else [])
    return path


def store_with(folder: Path, engine: Engine, *kinds: str) -> Store:
    store = Store(folder / "store")
    for kind in kinds:
        store.install(package(folder / f"{kind}.expert", engine, kind))
    return store
