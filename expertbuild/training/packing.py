"""Which rows a step sees, and how they lie in memory: end to end, without padding.

A pack is one flat sequence of several samples. Positions start again at each sample, and attention never crosses from
one to the next (a test compares the logits with those of the samples alone). Only answers are learned: a pack names
the positions whose next token counts.

The plan of a whole run follows from the lengths and the seed alone, so it is the same for one process or many, and
after a resume. Samples of a step are sorted by length, which keeps attention blocks dense.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

Plan = list[list[list[int]]]  # step -> pack -> sample numbers


@dataclass(frozen=True)
class Sample:
    """One encoded row: the answer, with the end of turn, is tokens[answer_from:]."""

    tokens: list[int]
    answer_from: int


@dataclass(frozen=True)
class Pack:
    tokens: Tensor  # int64 [n]
    positions: Tensor  # int64 [n], from 0 in each sample
    lengths: tuple[int, ...]
    where: Tensor  # positions whose next token is learned
    targets: Tensor  # those tokens

    def to(self, device: torch.device) -> "Pack":
        if device.type == "cpu":
            return self
        moved = [tensor.to(device) for tensor in (self.tokens, self.positions, self.where, self.targets)]
        return Pack(moved[0], moved[1], self.lengths, moved[2], moved[3])


def pack(samples: Sequence[Sample]) -> Pack:
    """Samples end to end."""
    tokens: list[int] = []
    positions: list[int] = []
    where: list[int] = []
    targets: list[int] = []
    for sample in samples:
        start = len(tokens)
        tokens += sample.tokens
        positions += range(len(sample.tokens))
        where += range(start + sample.answer_from - 1, len(tokens) - 1)
        targets += sample.tokens[sample.answer_from :]
    return Pack(
        torch.tensor(tokens),
        torch.tensor(positions),
        tuple(len(sample.tokens) for sample in samples),
        torch.tensor(where),
        torch.tensor(targets),
    )


def learned(samples: Sequence[Sample]) -> int:
    """How many tokens these samples teach."""
    return sum(len(sample.tokens) - sample.answer_from for sample in samples)


def plan(lengths: Sequence[int], *, steps: int, batch_tokens: int, micro_tokens: int, seed: int) -> Plan:
    """The samples of every step: all rows in a new order, then all again, until there are enough steps."""
    rng = random.Random(f"order:{seed}")
    order: list[int] = []
    made: Plan = []
    while len(made) < steps:
        step: list[int] = []
        size = 0
        while True:
            if not order:
                order = rng.sample(range(len(lengths)), len(lengths))
            if step and size + lengths[order[-1]] > batch_tokens:
                break
            number = order.pop()
            step.append(number)
            size += lengths[number]
        made.append(split(step, lengths, micro_tokens))
    return made


def split(numbers: Sequence[int], lengths: Sequence[int], micro_tokens: int) -> list[list[int]]:
    """A step's samples as packs of about equal size, an even number of them so that two processes share evenly."""
    ordered = sorted(numbers, key=lambda number: (lengths[number], number))
    total = sum(lengths[number] for number in ordered)
    count = -(-total // micro_tokens)
    count += count % 2 if count > 1 else 0
    packs: list[list[int]] = [[] for _ in range(count)]
    seen = 0
    for number in ordered:
        # The middle of a sample decides, so that no pack is ever more than half a sample too large.
        middle = seen + lengths[number] // 2
        packs[min(count - 1, middle * count // max(1, total))].append(number)
        seen += lengths[number]
    return [each for each in packs if each]
