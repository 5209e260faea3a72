"""What a matrix costs to multiply with, by how it is held: the setting `weights`.

python benchmarks/held_weights.py [--rounds 5] [--threads 1]

The matrices of Qwen3-0.6B with random numbers, several copies of each so that none stays in a core's cache, at 1 row (one
request decodes), 8 (a small batch), 64 and 512 (a prompt). Milliseconds of processor time and of the clock, the least
of the rounds, and the error against float32. Writes held_weights.json beside itself.
"""

import argparse
import json
import time
from itertools import cycle
from pathlib import Path
from typing import Any

import torch

from runtime.engine.matrix import HOLDINGS, hold

SHAPES = {"qkv": (4096, 1024), "out": (1024, 2048), "gate_up": (6144, 1024), "down": (1024, 3072)}
ROWS = (1, 8, 64, 512)
BYTES = 100e6  # of float32, over all copies of a matrix


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    found = []
    print(
        f"{'matrix':<9}{'weights':<9}{'bytes':>10}  "
        + "".join(f"{rows:>6} rows: cpu, clock ms" for rows in ROWS)
        + "   error"
    )
    for name, (outputs, inputs) in SHAPES.items():
        generator = torch.Generator().manual_seed(0)
        copies = max(1, int(BYTES / (4 * outputs * inputs)))
        weights = [torch.randn(outputs, inputs, generator=generator) / inputs**0.5 for _ in range(copies)]
        for held in HOLDINGS:
            matrices = [hold(weight, held) for weight in weights]
            times = {rows: timed(matrices, rows, asked.rounds) for rows in ROWS}
            x = torch.randn(8, inputs, generator=generator)
            exact = x @ weights[0].t()
            error = float((matrices[0](x) - exact).norm() / exact.norm())
            found.append({"matrix": name, "weights": held, "bytes": matrices[0].nbytes, "ms": times, "error": error})
            cells = "".join(f"{used:>14.2f}, {clock:6.2f}    " for used, clock in times.values())
            print(f"{name:<9}{held:<9}{matrices[0].nbytes:>10}  {cells} {error:.4f}", flush=True)
    result = {"torch": torch.__version__, "threads": asked.threads, "rounds": asked.rounds, "found": found}
    Path(__file__).with_suffix(".json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def timed(matrices: list[Any], rows: int, rounds: int) -> tuple[float, float]:
    """Milliseconds of one product: of the processor, and of the clock."""
    x = torch.randn(rows, matrices[0].inputs)
    turn = cycle(matrices)
    next(turn)(x)
    used, clock = [], []
    for _ in range(rounds * len(matrices)):
        matrix = next(turn)
        cpu, wall = time.process_time(), time.perf_counter()
        matrix(x)
        used.append(time.process_time() - cpu)
        clock.append(time.perf_counter() - wall)
    return 1000 * min(used), 1000 * min(clock)


if __name__ == "__main__":
    main()
