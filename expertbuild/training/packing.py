"""Which rows a step sees, and how they lie in memory: end to end, without padding.

A pack is one flat sequence of several samples. Positions start again at each sample, and attention never crosses from
one to the next (a test compares the logits with those of the samples alone). Only answers are learned: a pack names
the positions whose next token counts.

Samples that begin alike (several questions about one schema, one long system prompt) may stand together in a step:
their beginning lies in the pack once, and each of them reads it. The gradient is the same, the work is not done again.

The plan of a whole run follows from the samples and the seed alone, so it is the same for one process or many, and
after a resume. Samples of a step are sorted by length, which keeps attention blocks dense.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

Plan = list[list[list[int]]]  # step -> samples that stand together -> sample numbers

# A beginning shorter than this is not worth looking for: the turn's own tokens and a word or two.
SHORTEST_BEGINNING = 24
# A sample joins those before it while they keep this share of the beginning that they have in common.
KEPT = 0.9


@dataclass(frozen=True)
class Sample:
    """One encoded row: the answer, with the end of turn, is tokens[answer_from:]."""

    tokens: list[int]
    answer_from: int


@dataclass(frozen=True)
class Beginning:
    """How a sample begins: like all others of this family, in its first `length` tokens."""

    family: int
    length: int


@dataclass(frozen=True)
class Pack:
    tokens: Tensor  # int64 [n]
    positions: Tensor  # int64 [n], from 0 in each sample
    lengths: tuple[int, ...]
    common: tuple[int, ...]  # of each sample, how many of its tokens are those of the last sample that has none
    where: Tensor  # positions whose next token is learned
    targets: Tensor  # those tokens

    def to(self, device: torch.device) -> "Pack":
        if device.type == "cpu":
            return self
        moved = [tensor.to(device) for tensor in (self.tokens, self.positions, self.where, self.targets)]
        return Pack(moved[0], moved[1], self.lengths, self.common, moved[2], moved[3])


def pack(samples: Sequence[Sample], beginnings: Sequence[Beginning] | None = None) -> Pack:
    """Samples end to end; with `beginnings`, neighbours of one family have theirs once."""
    tokens: list[int] = []
    positions: list[int] = []
    common: list[int] = []
    where: list[int] = []
    targets: list[int] = []
    before = None
    for number, sample in enumerate(samples):
        mine = beginnings[number] if beginnings else None
        known = mine.length if mine and before and mine.family == before.family else 0
        start = len(tokens) - known
        tokens += sample.tokens[known:]
        positions += range(known, len(sample.tokens))
        common.append(known)
        where += range(start + sample.answer_from - 1, len(tokens) - 1)
        targets += sample.tokens[sample.answer_from :]
        before = mine
    return Pack(
        torch.tensor(tokens),
        torch.tensor(positions),
        tuple(len(sample.tokens) for sample in samples),
        tuple(common),
        torch.tensor(where),
        torch.tensor(targets),
    )


def learned(samples: Sequence[Sample]) -> int:
    """How many tokens these samples teach."""
    return sum(len(sample.tokens) - sample.answer_from for sample in samples)


def beginnings(samples: Sequence[Sample]) -> tuple[Beginning, ...]:
    """The families among samples: those whose prompts begin alike for long enough.

    Neighbours in the order of their tokens begin alike. The last token before an answer is never part of a beginning:
    what follows it is learned, and differs.
    """
    made = [Beginning(number, 0) for number in range(len(samples))]
    ordered = sorted(range(len(samples)), key=lambda number: samples[number].tokens)
    family: list[int] = []
    length = 0
    for number in [*ordered, None]:
        alike = 0
        if number is not None and family:
            alike = _alike(samples[family[0]], samples[number], length if len(family) > 1 else None)
            if alike >= max(SHORTEST_BEGINNING, KEPT * length if len(family) > 1 else 0):
                family.append(number)
                length = alike
                continue
        if len(family) > 1:
            for each in family:
                made[each] = Beginning(family[0], length)
        family, length = [] if number is None else [number], 0
    return tuple(made)


def _alike(one: Sample, other: Sample, most: int | None) -> int:
    """How many tokens of their prompts, without the last, are the same from the start."""
    limit = min(one.answer_from, other.answer_from) - 1
    limit = limit if most is None else min(limit, most)
    return next((at for at in range(limit) if one.tokens[at] != other.tokens[at]), max(0, limit))


def plan(
    lengths: Sequence[int],
    *,
    steps: int,
    batch_tokens: int,
    seed: int,
    beginnings: Sequence[Beginning] | None = None,
    together: int = 1,
) -> Plan:
    """The samples of every step: all rows in a new order, then all again, until there are enough steps.

    Up to `together` rows of a family stand in one step, and their beginning counts once.
    """
    rng = random.Random(f"order:{seed}")
    alike = beginnings or [Beginning(number, 0) for number in range(len(lengths))]
    order: list[list[int]] = []
    made: Plan = []
    while len(made) < steps:
        step: list[list[int]] = []
        size = 0
        while True:
            if not order:
                shuffled = rng.sample(range(len(lengths)), len(lengths))
                order = _gathered(shuffled, lengths, alike, together, batch_tokens)
                if len(order) < len(shuffled):  # else those without a family would be first
                    rng.shuffle(order)
            more = weight(order[-1], lengths, alike)
            if step and size + more > batch_tokens:
                break
            step.append(order.pop())
            size += more
        made.append(step)
    return made


def _gathered(
    order: Sequence[int], lengths: Sequence[int], alike: Sequence[Beginning], together: int, batch_tokens: int
) -> list[list[int]]:
    """Rows of one family side by side: each goes to the last of its family that has a place left."""
    made: list[list[int]] = []
    open_for: dict[int, list[int]] = {}
    for number in order:
        family = open_for.get(alike[number].family) if alike[number].length and together > 1 else None
        if family is not None and weight([*family, number], lengths, alike) <= batch_tokens:
            family.append(number)
        else:
            family = [number]
            made.append(family)
        if len(family) < together:
            open_for[alike[number].family] = family
        else:
            open_for.pop(alike[number].family, None)
    return made


def weight(numbers: Sequence[int], lengths: Sequence[int], beginnings: Sequence[Beginning] | None) -> int:
    """The tokens of samples that stand together."""
    common = beginnings[numbers[0]].length if beginnings else 0
    return sum(lengths[number] for number in numbers) - (len(numbers) - 1) * common


def split(
    groups: Sequence[Sequence[int]], lengths: Sequence[int], most: int, beginnings: Sequence[Beginning] | None = None
) -> list[list[int]]:
    """A step's samples as packs of about equal size, an even number of them so that two processes share evenly.

    A group stays in one pack, where its beginning counts once.
    """
    sizes = [weight(group, lengths, beginnings) for group in groups]
    ordered = sorted(range(len(groups)), key=lambda at: (max(lengths[number] for number in groups[at]), groups[at][0]))
    total = sum(sizes)
    count = -(-total // most)
    count += count % 2 if count > 1 else 0
    packs: list[list[int]] = [[] for _ in range(count)]
    seen = 0
    for at in ordered:
        # The middle of a group decides, so that no pack is ever more than half a group too large.
        middle = seen + sizes[at] // 2
        packs[min(count - 1, middle * count // max(1, total))] += sorted(groups[at], key=lambda number: lengths[number])
        seen += sizes[at]
    return [each for each in packs if each]
