"""What the benchmarks of the engine share: ways taken in turn, what they cost, and the file of figures.

A way is a function that does its work once and says how much it was (tokens, mostly). Rounds interleave them, A B A B, so
that a busy minute falls on all; a ratio is of two ways in one round. Nothing here decides whether a figure is good.
"""

import argparse
import gc
import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

Ways = Mapping[str, Callable[[], float]]


@dataclass
class Figures:
    """Of each way and round: the work by the second of the clock, and by the second of processor time."""

    wall: dict[str, list[float]] = field(default_factory=dict)
    cpu: dict[str, list[float]] = field(default_factory=dict)

    def rates(self) -> dict[str, Any]:
        return {way: {"wall": spread(self.wall[way]), "cpu": spread(self.cpu[way])} for way in self.wall}

    def ratio(self, ours: str, theirs: str) -> dict[str, tuple[float, float, float]]:
        """How many times as fast, by the clock and by processor time."""
        return {
            kind: spread([a / b for a, b in zip(of[ours], of[theirs], strict=True)])
            for kind, of in (("wall", self.wall), ("cpu", self.cpu))
        }


def options(document: str | None, file: str, **more: Any) -> argparse.ArgumentParser:
    """What every one of them is asked with."""
    parser = argparse.ArgumentParser(description=document, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=more.get("rounds", 5))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--out", type=Path, default=Path(file).with_suffix(".json"))
    return parser


def in_turn(
    ways: Ways,
    rounds: int,
    device: str = "cpu",
    *,
    warm: int = 1,
    before: Mapping[str, Callable[[], Any]] | None = None,
) -> Figures:
    """Every way once in each round; the first `warm` rounds are not counted, nor what is done `before` one."""
    figures = Figures({way: [] for way in ways}, {way: [] for way in ways})
    for number in range(warm + rounds):
        for way, work in ways.items():
            gc.collect()
            if before and way in before:
                before[way]()
            _settle(device)
            begun, spent = time.perf_counter(), time.process_time()
            amount = work()
            _settle(device)
            took = time.perf_counter() - begun, time.process_time() - spent
            if number >= warm:
                figures.wall[way].append(amount / took[0])
                figures.cpu[way].append(amount / took[1])
    return figures


def _settle(device: str) -> None:
    if device != "cpu":
        torch.cuda.synchronize()


def spread(values: Sequence[float]) -> tuple[float, float, float]:
    """The least, the median, the most."""
    return min(values), statistics.median(values), max(values)


def reading(device: str = "cpu", size: int = 1 << 28) -> Callable[[], float]:
    """A way that reads memory no cache holds, with the threads there are; its amount is bytes."""
    numbers = torch.ones(size // 4, device=device)

    def work() -> float:
        numbers.sum()
        return float(numbers.nbytes)

    return work


def show(name: str, figures: tuple[float, float, float], unit: str, digits: int = 1) -> str:
    low, middle, high = figures
    return f"{name:<28} {middle:9.{digits}f} {unit} ({low:.{digits}f} to {high:.{digits}f})"


def write(asked: argparse.Namespace, document: Mapping[str, Any]) -> None:
    """The figures, and what they were asked with."""
    told = {key: value for key, value in vars(asked).items() if isinstance(value, str | int | float | bool)}
    kept = {"asked": told, "torch": torch.__version__, **document}
    asked.out.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
