"""Installed experts to measure on: random LoRAs for a base, sealed, signed and put into a store as a person would."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from _bases import random_lora

from runtime.artifact.canary import Canary, Probe, write_canary
from runtime.artifact.manifest import Adapter, Decoding, Manifest, VariantManifest
from runtime.artifact.release import seal
from runtime.artifact.slots import SlotRecord, write_slots
from runtime.engine.engine import Engine
from runtime.registry.keys import developer_key
from runtime.registry.store import Store
from runtime.router.profile import build_profile

RANK = 12


def record(size: str, number: int) -> SlotRecord:
    return random_lora(size, rank=RANK, seed=number)


def install(folder: Path, engine: Engine, size: str, count: int) -> Store:
    """`local/expert-0` and on, each with a canary of two probes measured on this engine. EXPERTBUILD_HOME is the caller's."""
    store, profile = Store(folder / "store"), dict(_profile())
    for number in range(count):
        adapter = record(size, number)
        variant = VariantManifest(engine.base_digest, engine.tokenizer_digest, Adapter("lora", RANK))
        members: dict[str, Any] = {
            "variants/base/slots.safetensors": write_slots(adapter, "bf16"),
            "variants/base/canary.safetensors": _canary(engine, adapter),
            "variants/base/evaluation.json": b"{}",
            **profile,
        }
        manifest = Manifest(
            "local", f"expert-{number}", "0.1.0", "-", "Apache-2.0", {"base": variant}, decoding=Decoding(max_tokens=64)
        )
        file = folder / f"expert-{number}.expert"
        seal(file, members, manifest, [developer_key()])
        store.install(file)
    return store


def _canary(engine: Engine, adapter: SlotRecord) -> bytes:
    stored = {
        name: type(slot)(**{part: value.bfloat16() for part, value in vars(slot).items() if value is not None})
        for name, slot in adapter.slots.items()
    }
    engine.attach("measured", SlotRecord("lora", stored), "measured")
    probes = []
    for text in ("The quick brown fox", "def main() -> None:"):
        tokens = engine.tokenizer.encode(text)
        values, ids = engine.last_logits(tokens, "measured").topk(16)
        probes.append(Probe(torch.tensor(tokens, dtype=torch.int32), ids.int(), values))
    engine.detach("measured")
    return write_canary(Canary(probes, 1e-2))


def _profile() -> Iterator[tuple[str, bytes]]:
    """The same routing data for all: who answers is said by name here."""
    texts = [f"Write the number {number} as a word." for number in range(40)]
    with TemporaryDirectory() as folder:
        build_profile(texts, {"keywords": ["number"], "exclude_keywords": [], "priority": 0.0}, {}, folder)
        for file in Path(folder).iterdir():
            yield f"profile/{file.name}", file.read_bytes()
