"""Several adapters on one request, each with a weight: W + w1 D1 + w2 D2, as one more piece for each matrix.

Rank rows stand side by side with the weight in B, factors of outputs add up, Kronecker and sparse parts stay what they
are. A factor of inputs (IA3's feed-forward) adds up as well, but then each adapter's other parts must see the input as
it sees it when it runs alone: those run row by row (`Extra`). Only a factor of outputs beside a factor of inputs on one
layer is no sum, and is refused by name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from runtime.engine.errors import MixtureRefused
from runtime.engine.pieces import Extra, Piece
from runtime.engine.sampler import shown
from runtime.engine.weights import Linear, Part

MOST_MIXED = 8
MOST_WEIGHT = 10.0


@dataclass(frozen=True)
class Member:
    """One adapter's piece of a matrix, with its weight in the mixture."""

    name: str
    piece: Piece
    weight: float


def check_weights(weights: Mapping[str, float]) -> dict[str, float]:
    """The weights as numbers; refused unless each lies above 0 and is no larger than `MOST_WEIGHT`."""
    if not 1 <= len(weights) <= MOST_MIXED:
        raise MixtureRefused(f"a request names {len(weights)} adapters; it may name 1 to {MOST_MIXED}.")
    for name, weight in weights.items():
        number = isinstance(weight, (int, float)) and not isinstance(weight, bool)
        if not (number and 0 < weight <= MOST_WEIGHT):  # NaN is between nothing
            raise MixtureRefused(
                f"the weight of {name!r} is {shown(weight)}; it must be above 0 and at most {MOST_WEIGHT:g}."
            )
    return {name: float(weight) for name, weight in weights.items()}


def add_up(linear: Linear, members: Sequence[Member]) -> Piece:
    """The sum of several pieces of one matrix."""
    if len(members) == 1 and members[0].weight == 1.0:
        return members[0].piece
    for member in members:
        _check_factors(linear, member, members)
    scaled = {index for member in members for index in member.piece.g_in}
    a, b, ranks, extras, total = [], [], [], [], 0
    for index, part in enumerate(linear.parts):
        start = total
        for member in members:
            rows = _rank_rows(member, index)
            if rows is None:
                continue
            if index in scaled:
                extras.append(_apart(member, index, part, *rows))
                continue
            a.append(rows[0])
            b.append(rows[1])
            total += len(rows[0])
        ranks.append((start, total))
    extras += [_times(extra, member.weight) for member in members for extra in member.piece.extras]
    return Piece(
        a=torch.cat(a) if a else None,
        b=torch.cat(b).t() if b else None,
        ranks=tuple(ranks),
        g_out=_sum([(member.piece.g_out, member.weight) for member in members]),
        g_in={
            index: total_of
            for index in sorted(scaled)
            if (total_of := _sum([(member.piece.g_in.get(index), member.weight) for member in members])) is not None
        },
        extras=tuple(extras),
    )


def _check_factors(linear: Linear, member: Member, members: Sequence[Member]) -> None:
    """g_out * (W x') of one adapter wants an x' of its own, and W is multiplied only once."""
    g_out = member.piece.g_out
    if g_out is None:
        return
    for other in members:
        for index in other.piece.g_in:
            part = linear.parts[index]
            if g_out[part.start : part.stop].any():
                raise MixtureRefused(
                    f"{member.name!r} cannot be added to {other.name!r}: on {part.module} the one scales outputs, "
                    "the other scales inputs, and that is no sum.",
                    hint="Ask for one of them alone.",
                )


def _rank_rows(member: Member, index: int) -> tuple[Tensor, Tensor] | None:
    """A [rank, in] and, weighted, B [rank, out] of one part."""
    piece = member.piece
    low, high = piece.ranks[index] if piece.ranks else (0, 0)
    if piece.a is None or piece.b is None or low == high:
        return None
    return piece.a[low:high], piece.b.t()[low:high] * member.weight


def _apart(member: Member, index: int, part: Part, a: Tensor, b: Tensor) -> Extra:
    gain = member.piece.g_in.get(index)
    return Extra(part, thin=(a, b[:, part.start : part.stop].contiguous()), gain=None if gain is None else gain + 1)


def _times(extra: Extra, weight: float) -> Extra:
    if extra.thin is not None:
        return replace(extra, thin=(extra.thin[0], extra.thin[1] * weight))
    if extra.kronecker is not None:
        return replace(extra, kronecker=(extra.kronecker[0] * weight, extra.kronecker[1]))
    return replace(extra, sparse=extra.sparse * weight if extra.sparse is not None else None)


def _sum(vectors: Sequence[tuple[Tensor | None, float]]) -> Tensor | None:
    total = None
    for vector, weight in vectors:
        if vector is not None:
            total = vector * weight if total is None else total + vector * weight
    return total
