"""Experts that take turns in too little memory: time to the first token, against all of them resident.

python benchmarks/swap.py [--experts 16] [--requests 160] [--clients 4] [--rounds 5]

Twice as many experts as `adapter_bytes` holds. So many clients ask at once, each for an expert drawn at random, 16 tokens, and
ask again when they are answered; the same draws in both runtimes. The time runs from asking to the first piece of text, so
bringing an expert back is in it: its files compared with what was verified, shapes, canary. Both runtimes see the
store hot. A round is one run of each; p99 is of all requests of a round. Writes swap.json beside itself.
"""

import argparse
import os
import random
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import torch
from _bases import SIZES, make_base
from _experts import install
from _measure import options, show, spread, write

from runtime.engine.engine import Engine
from runtime.service import Runtime

GOAL = 2.0


def main(words: list[str] | None = None) -> None:
    parser = options(__doc__, __file__)
    parser.add_argument("--size", default="nano", choices=SIZES)
    parser.add_argument("--experts", type=int, default=16)
    parser.add_argument("--requests", type=int, default=160)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--tokens", type=int, default=16)
    asked = parser.parse_args(words)
    torch.set_num_threads(asked.threads)
    with tempfile.TemporaryDirectory() as scratch:
        compare(asked, Path(scratch))


def compare(asked: argparse.Namespace, folder: Path) -> None:
    os.environ["EXPERTBUILD_HOME"] = str(folder / "home")
    base = make_base(folder, asked.size)
    engine = Engine.load(base, cache_tokens=1024)
    store = install(folder, engine, asked.size, asked.experts)
    names = [f"local/expert-{number}" for number in range(asked.experts)]
    with Runtime(base, names, store, device=asked.device) as whole:
        room = sum(each.bytes for each in whole.experts.values()) // 2
        with Runtime(base, names, store, device=asked.device, adapter_bytes=room) as half:
            figures: dict[str, list[dict[str, float]]] = {"all resident": [], "half of them": []}
            for number in range(asked.rounds + 1):
                for name, runtime in (("all resident", whole), ("half of them", half)):
                    measured = under_load(runtime, names, asked, seed=number)
                    if number:  # the first round warms up
                        figures[name].append(measured)
            resident = len(half.resident)
    print(f"{asked.experts} experts, {resident} fit; {asked.clients} clients, {asked.requests} requests a round")
    told = {name: {key: spread([each[key] for each in of]) for key in of[0]} for name, of in figures.items()}
    for name, of in told.items():
        print(
            f"  {show(f'{name}: p50', of['p50'], 'ms')}; p99 {of['p99'][1]:.1f} ({of['p99'][0]:.1f} to {of['p99'][2]:.1f})"
        )
    ratios = {
        key: spread([b[key] / a[key] for a, b in zip(figures["all resident"], figures["half of them"], strict=True)])
        for key in ("p50", "p99", "seconds", "cpu_seconds")
    }
    for key, ratio in ratios.items():
        print(f"  {show(f'{key}, half / all', ratio, 'times', 2)}{f'; goal {GOAL:g}' if key == 'p99' else ''}")
    write(asked, {"fit": resident, "ms": told, "ratio": ratios})


def under_load(runtime: Runtime, names: list[str], asked: argparse.Namespace, seed: int) -> dict[str, float]:
    """Milliseconds to the first piece, and how long all of it took."""
    draws = random.Random(seed)
    work = [(draws.choice(names), f"Write the number {draws.randrange(1000)}.") for _ in range(asked.requests)]
    firsts: list[float] = []
    place = iter(work)
    lock = threading.Lock()

    def client() -> None:
        while True:
            with lock:
                next_one = next(place, None)
            if next_one is None:
                return
            begun = time.perf_counter()
            for number, _ in enumerate(runtime.stream(next_one[1], expert=next_one[0], max_tokens=asked.tokens)):
                if not number:
                    firsts.append(1000 * (time.perf_counter() - begun))

    clients = [threading.Thread(target=client) for _ in range(asked.clients)]
    begun, spent = time.perf_counter(), time.process_time()
    for each in clients:
        each.start()
    for each in clients:
        each.join()
    took, cpu = time.perf_counter() - begun, time.process_time() - spent
    cuts: list[Any] = statistics.quantiles(firsts, n=100, method="inclusive")
    return {"p50": cuts[49], "p99": cuts[98], "seconds": took, "cpu_seconds": cpu}


if __name__ == "__main__":
    main()
