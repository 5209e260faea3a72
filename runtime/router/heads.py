"""One linear head for each expert: how much a prompt looks like the prompts of this expert.

A head is a logistic regression of the expert's own prompts against the frozen background, so it is trained without
another expert's data and installing an expert changes nobody else's. It is solved exactly, in the space of examples,
where a few hundred prompts make a small system of equations; the same prompts give the same head. There is no
intercept: scores mean something only relative to the court (see `calibration`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from runtime.artifact.tensors import read_header, write_tensors
from runtime.router.encoders import ENCODERS, HASHED
from runtime.router.errors import ProfileNotMade, ProfileRefused
from runtime.router.features import Floats

FORMAT = "expert-heads/1"
_RIDGE = 1e-3  # 3e-4 to 3e-3 did the same on held-out prompts
_ROUNDS = 40

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Head:
    """A weight for each column of an encoder, as float16 holds it."""

    encoder: str
    weight: Floats


def train_head(positives: Sequence[str], background: Sequence[str], *, encoder: str = HASHED) -> Head:
    """The head that tells `positives` from `background`; both sides weigh the same in total."""
    if not positives or not background:
        raise ProfileNotMade("A head needs prompts of the expert and background prompts.")
    rows = ENCODERS[encoder].rows([*positives, *background])
    own = np.arange(len(rows)) < len(positives)
    weights = np.where(own, 0.5 / len(positives), 0.5 / len(background))
    duals = _solve((rows @ rows.T).astype(np.float64), own.astype(np.float64), weights)
    weight = rows.T @ duals.astype(np.float32)
    return Head(encoder, weight.astype(np.float16).astype(np.float32))


def _solve(kernel: Doubles, labels: Doubles, weights: Doubles) -> Doubles:
    """Newton steps for weighted, ridge-penalised logistic regression with a free intercept."""
    count = len(labels)
    duals, intercept = np.zeros(count), 0.0
    system = np.zeros((count + 1, count + 1))
    system[:count, count] = system[count, :count] = 1
    for _ in range(_ROUNDS):
        scores = kernel @ duals + intercept
        chance = 1 / (1 + np.exp(-np.clip(scores, -50, 50)))
        curvature = weights * chance * (1 - chance) + 1e-9
        target = scores + (labels - chance) * weights / curvature
        system[:count, :count] = kernel + np.diag(_RIDGE / curvature)
        solution = np.linalg.solve(system, np.append(target, 0.0))
        change = np.abs(solution[:count] - duals).max()
        duals, intercept = solution[:count], float(solution[count])
        if change < 1e-7:
            break
    return duals


def write_heads(heads: Mapping[str, Head]) -> bytes:
    """The bytes of `profile/head.safetensors`, the same for the same heads."""
    tensors = [
        (name, "F16", head.weight.shape, head.weight.astype("<f2").tobytes()) for name, head in sorted(heads.items())
    ]
    return write_tensors(tensors, {"format": FORMAT})


def read_heads(data: bytes, what: str) -> dict[str, Head]:
    """The heads of a file; those for encoders that this version does not know are left out."""
    entries, metadata = read_header(data, what)
    if metadata.get("format") != FORMAT:
        raise ProfileRefused(f"{what} is of format {metadata.get('format')!r}, not {FORMAT!r}.")
    heads = {}
    for name, entry in entries.items():
        if name not in ENCODERS:
            continue
        if entry.dtype != "F16" or entry.shape != (ENCODERS[name].columns,):
            raise ProfileRefused(f"The head {name!r} in {what} has the wrong shape or type.")
        weight = np.frombuffer(data[entry.begin : entry.end], "<f2").astype(np.float32)
        if not np.isfinite(weight).all():
            raise ProfileRefused(f"The head {name!r} in {what} has weights that are not finite.")
        heads[name] = Head(name, weight)
    return heads
