"""How long it takes to know that a package is what its publisher signed.

python benchmarks/signature_check.py [--megabytes 100] [--rounds 7]

Three questions about one package of about 100 MB, each in this process with the file in the page cache and the
libraries imported:

whole verify     open, parse, CRC-32 and SHA-256 of every byte, form of every tensor file, Ed25519, trust file
signatures only  the Ed25519 signatures of the statement and the verdict of the trust file, without any payload
install again    a package that is installed already: a look at its statement, no hashing

and one with interpreter start and imports: `expertbuild verify FILE`, as it is typed. The goal is 1 s for the
signature check of 100 MB. Writes signature_check.json beside itself.
"""

import argparse
import json
import os
import resource
import secrets
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

LAYERS = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=7)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["EXPERTBUILD_HOME"] = str(Path(folder) / "home")
        package = make(Path(folder) / "big.expert", asked.megabytes)
        size = package.stat().st_size
        questions = ask(package)
        for question in questions.values():
            question()
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in questions}
        for _ in range(asked.rounds):
            for name, question in questions.items():
                times[name].append(timed(question))
    result = {
        "bytes": size,
        "rounds": asked.rounds,
        "seconds": {name: spread([wall for wall, _ in values]) for name, values in times.items()},
        "cpu_seconds": {name: spread([used for _, used in values]) for name, values in times.items()},
    }
    Path(__file__).with_suffix(".json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(f"a package of {size / 1e6:.1f} MB, {asked.rounds} rounds: median (least to most)")
    for name, values in times.items():
        low, middle, high = spread([wall for wall, _ in values])
        used = spread([used for _, used in values])[1]
        print(f"{name:<18} {middle:8.4f} s  ({low:.4f} to {high:.4f}), cpu {used:.4f} s")


def make(path: Path, megabytes: int) -> Path:
    """A signed package whose weight is one adapter of random bytes; the publisher is trusted."""
    from runtime.artifact.manifest import Adapter, Manifest, VariantManifest
    from runtime.artifact.release import seal
    from runtime.artifact.tensors import write_tensors
    from runtime.registry.keys import keygen
    from runtime.registry.trust import add_keys

    rows = megabytes * 1_000_000 // LAYERS // 4 // 1024
    tensors = []
    for layer in range(LAYERS):
        name = f"model.layers.{layer}.mlp.down_proj"
        tensors.append((f"{name}.A", "F32", (1, 1024), bytes(4 * 1024)))
        tensors.append((f"{name}.B", "F32", (rows * 1024, 1), secrets.token_bytes(4 * rows * 1024)))
    canary = [
        ("tokens.0", "I32", (2,), struct.pack("<2i", 5, 6)),
        ("top_ids.0", "I32", (1,), struct.pack("<i", 7)),
        ("top_values.0", "F32", (1,), struct.pack("<f", 0.5)),
    ]
    members: dict[str, bytes | Path] = {
        "README.md": b"# big\n",
        "variants/nano/slots.safetensors": write_tensors(tensors, {"format": "expert-slots/1", "kind": "lora"}),
        "variants/nano/canary.safetensors": write_tensors(canary, {"format": "expert-canary/1", "tolerance": "0.001"}),
        "variants/nano/evaluation.json": b'{"n": 1}',
    }
    variant = VariantManifest("1" * 64, "2" * 64, Adapter("lora", 1))
    manifest = Manifest("acme", "big", "0.1.0", "Weighs a lot.", "Apache-2.0", variants={"nano": variant})
    key = keygen(path.with_name("acme.pem"))
    add_keys("acme", [key.public])
    seal(path, members, manifest, [key])
    return path


def ask(package: Path) -> dict[str, Callable[[], object]]:
    from runtime.artifact.package import open_package
    from runtime.registry.audit import prove
    from runtime.registry.store import Store
    from runtime.registry.trust import load_trust
    from runtime.registry.verdict import decide

    with open_package(package, verify=False) as opened:
        envelope, statement = opened.envelope, opened.statement_bytes
    command = [sys.executable, "-m", "expertbuild.cli", "verify", str(package)]
    return {
        "whole verify": lambda: prove(package),
        "signatures only": lambda: decide("acme", envelope, statement, load_trust()),
        "install again": lambda: Store().install(package),
        "as it is typed": lambda: subprocess.run(command, check=True, capture_output=True),
    }


def timed(question: Callable[[], object]) -> tuple[float, float]:
    wall, before = time.perf_counter(), cpu()
    question()
    return time.perf_counter() - wall, cpu() - before


def cpu() -> float:
    """Seconds of this process and of those that it waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def spread(values: list[float]) -> tuple[float, float, float]:
    return min(values), statistics.median(values), max(values)


if __name__ == "__main__":
    main()
