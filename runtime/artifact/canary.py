"""The canary: a few prompts and the largest logits they must give, replayed at every load.

It is proof against a wrong base, a broken file that passed every other check, and a kernel that computes something
else. The values were measured by the build with the compiled record; the tolerance travels with them. How a prompt is
run is the engine's business.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from runtime.artifact.mapped import check_finite, expect_format, packed, views, writable
from runtime.artifact.refusals import BadTensors
from runtime.artifact.tensors import Buffer, read_header, write_tensors

FORMAT = "expert-canary/1"
MOST_PROBES = 64
_PARTS = {"tokens": torch.int32, "top_ids": torch.int32, "top_values": torch.float32}


@dataclass(frozen=True)
class Probe:
    """One prompt, and the largest logits after its last token."""

    tokens: Tensor  # int32 [n]
    top_ids: Tensor  # int32 [k]
    top_values: Tensor  # float32 [k]


@dataclass(frozen=True)
class Canary:
    """The probes of one variant; `tolerance` is the largest allowed difference of a logit."""

    probes: Sequence[Probe]
    tolerance: float


def write_canary(canary: Canary) -> bytes:
    """The file of a canary: the same canary gives the same bytes."""
    tensors = []
    for index, probe in enumerate(canary.probes):
        _check(probe, index, "the canary to write")
        for part, dtype in _PARTS.items():
            tensors.append(packed(f"{part}.{index}", getattr(probe, part).detach().to("cpu", dtype)))
    _check_whole(canary, "the canary to write")
    return write_tensors(tensors, {"format": FORMAT, "tolerance": repr(float(canary.tolerance))})


def read_canary(buffer: Buffer, what: str = "canary.safetensors") -> Canary:
    """The canary in a file, checked by name, rank, length and value."""
    buffer = writable(buffer)
    entries, metadata = read_header(buffer, what)
    expect_format(metadata, FORMAT, what)
    tensors = views(buffer, entries, what)
    check_finite(buffer, entries, what)
    count = len(tensors) // len(_PARTS)
    names = {f"{part}.{index}" for part in _PARTS for index in range(count)}
    if tensors.keys() != names:
        strange = sorted(tensors.keys() ^ names)[0]
        raise BadTensors(f"{what}: {strange[:80]!r} is missing or does not belong there.")
    for name, tensor in tensors.items():
        if tensor.dim() != 1 or tensor.dtype != _PARTS[name.split(".")[0]]:
            raise BadTensors(f"{what}: {name} has the wrong shape or dtype.")
    probes = [Probe(*(tensors[f"{part}.{index}"] for part in _PARTS)) for index in range(count)]
    for index, probe in enumerate(probes):
        _check(probe, index, what)
    try:
        tolerance = float(metadata.get("tolerance", ""))
    except ValueError:
        raise BadTensors(f"{what} states no tolerance.") from None
    canary = Canary(tuple(probes), tolerance)
    _check_whole(canary, what)
    return canary


def _check(probe: Probe, index: int, what: str) -> None:
    if not len(probe.tokens) or not len(probe.top_ids):
        raise BadTensors(f"{what}: probe {index} is empty.")
    if len(probe.top_ids) != len(probe.top_values):
        raise BadTensors(f"{what}: probe {index} has top_ids and top_values of different lengths.")
    if min(int(probe.tokens.min()), int(probe.top_ids.min())) < 0:
        raise BadTensors(f"{what}: probe {index} has a negative token.")


def _check_whole(canary: Canary, what: str) -> None:
    if not 0 < len(canary.probes) <= MOST_PROBES:
        raise BadTensors(f"{what} needs 1 to {MOST_PROBES} probes, not {len(canary.probes)}.")
    if not (math.isfinite(canary.tolerance) and 0 < canary.tolerance <= 1):
        raise BadTensors(f"{what} states the tolerance {canary.tolerance}; it must lie between 0 and 1.")
