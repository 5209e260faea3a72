"""From a path to tensors that are ready: a package, verified or from the verified store, against a tar.gz of torch.save.

python benchmarks/package_load.py [--rounds 9]

The adapter is DoRA of rank 12 on every projection of Qwen3-0.6B's shape, with random numbers. Four ways, in one
process, interleaved A B C D A B C D, files in the page cache:

    verified     open the package, SHA-256 of every member, signature, trust file, statement and manifest against their
                 schemas, the slot record checked for names, shapes and finite numbers
    store        find the installed version, compare size, modification time and BLAKE3, check the slot record
    tar.gz       unpack to memory, torch.load(weights_only=True): nothing is checked; numbers in bf16 as in the package
    tar.gz fp32  the same with numbers in fp32, which is what PEFT saves by default

Wall time and CPU time, medians and spread; on a machine that does other things too CPU time and ratios are what counts
(the verified way hashes in threads: there CPU time is the sum). Writes package_load.json beside itself.
"""

import argparse
import gc
import io
import json
import os
import statistics
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from torch import Tensor

from runtime.artifact.canary import Canary, Probe, write_canary
from runtime.artifact.manifest import Adapter, Manifest, VariantManifest
from runtime.artifact.package import open_package
from runtime.artifact.release import seal
from runtime.artifact.slots import Slot, SlotRecord, read_slots, write_slots
from runtime.registry.store import Store
from runtime.registry.trust import add_keys, load_trust
from runtime.registry.verdict import decide

LAYERS, RANK = 28, 12
SHAPES = {
    "self_attn.q_proj": (2048, 1024),
    "self_attn.k_proj": (1024, 1024),
    "self_attn.v_proj": (1024, 1024),
    "self_attn.o_proj": (1024, 2048),
    "mlp.gate_proj": (3072, 1024),
    "mlp.up_proj": (3072, 1024),
    "mlp.down_proj": (1024, 3072),
}
SLOTS = "variants/base/slots.safetensors"
GOALS = {"verified": 8, "store": 25}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["EXPERTBUILD_HOME"] = folder
        ways = prepared(Path(folder))
        wall: dict[str, list[float]] = {way: [] for way in ways}
        cpu: dict[str, list[float]] = {way: [] for way in ways}
        for number in range(asked.rounds + 2):
            for way, load in ways.items():
                gc.collect()
                begun, spent = time.perf_counter(), time.process_time()
                kept = load()
                ended = time.perf_counter() - begun, time.process_time() - spent
                if number >= 2:  # the first rounds import, and warm caches that a server has warm
                    wall[way].append(1000 * ended[0])
                    cpu[way].append(1000 * ended[1])
                del kept
    report(asked.rounds, wall, cpu)


def prepared(folder: Path) -> dict[str, Callable[[], Any]]:
    """The four ways to load the same adapter, each from a path."""
    key = Key()
    package, record = folder / "expert.expert", adapter()
    members = {
        SLOTS: write_slots(record, "bf16"),
        "variants/base/canary.safetensors": write_canary(
            Canary([Probe(torch.arange(50), torch.arange(64), torch.linspace(9, 1, 64))], 0.05)
        ),
        "variants/base/evaluation.json": b"{}",
    }
    variant = VariantManifest("1" * 64, "2" * 64, Adapter("dora", RANK))
    seal(package, members, Manifest("bench", "expert", "0.1.0", "-", "Apache-2.0", {"base": variant}), [key])
    add_keys("bench", [key.public])
    Store().install(package)
    archives = {dtype: archive(folder / f"{dtype}.tar.gz", record, dtype) for dtype in (torch.bfloat16, torch.float32)}
    return {
        "verified": lambda: verified(package),
        "store": from_store,
        "tar.gz": lambda: unpacked(archives[torch.bfloat16]),
        "tar.gz fp32": lambda: unpacked(archives[torch.float32]),
    }


def adapter() -> SlotRecord:
    random = torch.Generator().manual_seed(0)
    slots = {}
    for layer in range(LAYERS):
        for module, (outputs, inputs) in SHAPES.items():
            slots[f"model.layers.{layer}.{module}"] = Slot(
                a=torch.randn(RANK, inputs, generator=random) / inputs**0.5,
                b=torch.randn(outputs, RANK, generator=random) / 10,
                g_out=torch.randn(outputs, generator=random) / 10,
            )
    return SlotRecord("dora", slots)


def archive(path: Path, record: SlotRecord, dtype: torch.dtype) -> Path:
    """The adapter as PEFT names it, saved with torch.save, in a tar.gz."""
    state: dict[str, Tensor] = {}
    for module, slot in record.slots.items():
        assert slot.a is not None and slot.b is not None and slot.g_out is not None
        state[f"base_model.model.{module}.lora_A.weight"] = slot.a.to(dtype)
        state[f"base_model.model.{module}.lora_B.weight"] = slot.b.to(dtype)
        state[f"base_model.model.{module}.lora_magnitude_vector"] = slot.g_out.to(dtype)
    data = io.BytesIO()
    torch.save(state, data)
    with tarfile.open(path, "w:gz") as out:
        entry = tarfile.TarInfo("adapter_model.bin")
        entry.size = len(data.getvalue())
        data.seek(0)
        out.addfile(entry, data)
    return path


class Key:
    """A signer that exists as long as the benchmark."""

    def __init__(self) -> None:
        self._private = Ed25519PrivateKey.generate()
        self.public = self._private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def sign(self, data: bytes) -> bytes:
        return self._private.sign(data)


def verified(path: Path) -> SlotRecord:
    package = open_package(path)
    verdict = decide(package.manifest.publisher, package.envelope, package.statement_bytes, load_trust())
    assert verdict.state == "trusted"
    return read_slots(package.view(SLOTS))


def from_store() -> SlotRecord:
    return read_slots(Store().find("bench/expert@0.1.0").open(SLOTS))


def unpacked(path: Path) -> Any:
    with tarfile.open(path, "r:gz") as packed:
        member = packed.extractfile("adapter_model.bin")
        assert member is not None
        return torch.load(io.BytesIO(member.read()), weights_only=True)


def report(rounds: int, wall: dict[str, list[float]], cpu: dict[str, list[float]]) -> None:
    result: dict[str, Any] = {"rounds": rounds, "milliseconds": {}, "ratio": {}}
    for way in wall:
        result["milliseconds"][way] = {"wall": spread(wall[way]), "cpu": spread(cpu[way])}
        (low, middle, high), (_, busy, _) = spread(wall[way]), spread(cpu[way])
        print(f"{way:<12} {middle:8.1f} ms ({low:.1f} to {high:.1f}), {busy:.1f} ms of CPU")
    for way, goal in GOALS.items():
        for slow in ("tar.gz", "tar.gz fp32"):
            ratios = {
                kind: spread([b / a for a, b in zip(times[way], times[slow], strict=True)])
                for kind, times in (("wall", wall), ("cpu", cpu))
            }
            result["ratio"][f"{slow} / {way}"] = ratios
            low, middle, high = ratios["wall"]
            print(
                f"{way} against {slow}: {middle:.1f} times as fast ({low:.1f} to {high:.1f}),"
                f" by CPU time {ratios['cpu'][1]:.1f}; goal {goal}"
            )
    Path(__file__).with_suffix(".json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def spread(values: list[float]) -> tuple[float, float, float]:
    return min(values), statistics.median(values), max(values)


if __name__ == "__main__":
    main()
