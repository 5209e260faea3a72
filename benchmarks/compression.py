"""Accuracy per byte: one trained expert, stored in every way that compile.compress knows.

python benchmarks/compression.py [--experts expert-json expert-sql] [--only none bf16 ...]

Trains each expert once (the build cache keeps it), then compiles, evaluates and packs it again for each way to store
it. The score is the build's own: held-out cases through the engine, with the expert's grammar and decoding. The
yardstick is what one would otherwise pass on: a tar.gz of the adapter directory as PEFT saved it, in float32. Writes
compression.json beside itself and a table to the terminal; sizes and scores do not depend on the machine's load.
"""

import argparse
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from runtime.artifact.package import open_package

# The tolerance is lifted: to see where the score falls, records are needed that a build would not let through.
OSD = ("compile.compress=osd", "compile.tolerance.osd=100")
WAYS: dict[str, tuple[str, ...]] = {
    "none": ("compile.compress=none",),
    "bf16": ("compile.compress=bf16",),
    "int8": ("compile.compress=int8",),
    "osd, half of the entries": (*OSD, "compile.osd.density=0.5"),
    "osd, a third": (*OSD, "compile.osd.density=0.33"),
    "osd, a fifth": (*OSD, "compile.osd.density=0.2"),
    "rank 6 of the SVD": (*OSD, "compile.osd.density=1", "compile.osd.rank=6"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--experts", nargs="+", default=["expert-json", "expert-sql"])
    parser.add_argument("--only", nargs="+", default=list(WAYS), choices=list(WAYS))
    asked = parser.parse_args()
    target = Path(__file__).with_suffix(".json")
    result: dict[str, Any] = json.loads(target.read_text(encoding="utf-8")) if target.is_file() else {}
    with tempfile.TemporaryDirectory() as folder:
        for expert in asked.experts:
            measured = result.setdefault(expert, {"ways": {}})
            measured["tar_gz_bytes"] = archive_size(adapter_of(expert, Path(folder)))
            for way in asked.only:
                measured["ways"][way] = build(expert, WAYS[way], Path(folder))
                target.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
                print(line(way, measured["ways"][way], measured["tar_gz_bytes"]), flush=True)
            print(f"tar.gz of {expert}'s adapter in float32: {measured['tar_gz_bytes']:,} bytes\n")


def expertbuild(folder: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "expertbuild.cli", "log=quiet", "install=false", *words],
        cwd=folder,
        env=os.environ,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return done.stdout


def adapter_of(expert: str, folder: Path) -> Path:
    """What PEFT saved, in the build cache."""
    return Path(expertbuild(folder, f"expert={expert}", "target=train").strip().partition(": ")[2])


def archive_size(adapter: Path) -> int:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        for name in ("adapter_config.json", "adapter_model.safetensors"):
            archive.add(adapter / name, name)
    return len(data.getvalue())


def build(expert: str, words: tuple[str, ...], folder: Path) -> dict[str, Any]:
    """Sizes, score and proof of one way, read from the package that was built."""
    expertbuild(folder, f"expert={expert}", "evaluation.margin=-1", "evaluation.well_formed=0", *words)
    [path] = (folder / "build").glob(f"{expert}-*.expert")
    with open_package(path) as package:
        [base] = package.variants
        variant = f"variants/{base}"
        report = json.loads(package.read(f"{variant}/evaluation.json"))["overall"]
        compression = package.manifest.variants[base].adapter.compression
        assert compression is not None
        return {
            "slots_bytes": package.members[f"{variant}/slots.safetensors"].size,
            "package_bytes": path.stat().st_size,
            "score": report["expert"]["value"],
            "interval": report["expert"]["interval"],
            "base": report["base"]["value"],
            "n": report["n"],
            "logit_difference": compression.difference,
        }


def line(way: str, one: dict[str, Any], yardstick: int) -> str:
    low, high = (100 * bound for bound in one["interval"])
    return (
        f"{way:<26} slots {one['slots_bytes']:>9,}  package {one['package_bytes']:>9,}"
        f" ({one['package_bytes'] / yardstick:.0%} of tar.gz)  score {100 * one['score']:.1f}"
        f" ({low:.1f} to {high:.1f}, n = {one['n']})  logits within {one['logit_difference']:.2g}"
    )


if __name__ == "__main__":
    main()
