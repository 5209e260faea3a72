"""The learning rate of each step as a share of its peak: a rise, then a fall to zero (or none)."""

import math


def share(step: int, *, steps: int, warmup: int, schedule: str) -> float:
    """For step 0 .. steps - 1. A warm-up longer than the run is cut to a tenth of it."""
    warmup = warmup if warmup < steps else steps // 10
    if step < warmup:
        return (step + 1) / (warmup + 1)
    rest = (step - warmup) / max(1, steps - warmup)
    return {
        "linear": 1 - rest,
        "cosine": 0.5 * (1 + math.cos(math.pi * rest)),
        "constant": 1.0,
    }[schedule]
