"""Hashed n-grams: a prompt as a sparse vector of unit length, in a tenth of a millisecond.

Words, pairs of words, and runs of three and four bytes are hashed into 2^14 columns. The hash is arithmetic written
out below, so a head means the same on every machine and in every year; a pinned test says so. Columns that are common
in the frozen background weigh little (inverse document frequency), which is part of the definition as well.
Changing anything here means a new name for the encoder, since heads are trained for exactly this vector.
"""

import zlib
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from runtime.router import background
from runtime.router.text import ends, folded, without_numbers, words

Floats = npt.NDArray[np.float32]
Hashes = npt.NDArray[np.uint64]

COLUMNS = 1 << 14
HEAD, TAIL = 600, 200  # characters read; longer windows were no better on held-out prompts
_RUNS = (3, 4)


class Sparse(NamedTuple):
    """Where a vector is not zero, in column order, and its values there."""

    columns: npt.NDArray[np.int64]
    values: Floats


def hashed(text: str) -> Sparse:
    """The features of a prompt; a vector of unit length, empty for an empty prompt."""
    return _scaled(text, _rarity())


def matrix(texts: Sequence[str]) -> Floats:
    """One row for each text; for training and judging, where dense rows are quickest."""
    rows = np.zeros((len(texts), COLUMNS), np.float32)
    for row, text in zip(rows, texts, strict=True):
        columns, values = hashed(text)
        row[columns] = values
    return rows


@lru_cache
def _rarity() -> Floats:
    """How much a column counts: much, where few background prompts have it."""
    seen = np.zeros(COLUMNS)
    for prompt in background.prompts():
        seen[_scaled(prompt, np.ones(COLUMNS, np.float32)).columns] += 1
    total = len(background.prompts())
    return (1 + np.log((1 + total) / (1 + seen))).astype(np.float32)


def _scaled(text: str, rarity: Floats) -> Sparse:
    cleaned = without_numbers(folded(ends(text, HEAD, TAIL)))
    columns: list[npt.NDArray[np.int64]] = []
    values: list[npt.NDArray[np.float64]] = []
    # Words and byte runs weigh the same as groups, however many of either there are.
    for group in (_word_hashes(words(cleaned)), _run_hashes(f" {cleaned} ".encode())):
        if not len(group):
            continue
        unique, counts = np.unique(group, return_counts=True)
        where = (unique & np.uint64(COLUMNS - 1)).astype(np.int64)
        # Half of the hashes count negatively, so that collisions cancel rather than add up.
        sign = np.where((unique >> np.uint64(40)) & np.uint64(1), 1.0, -1.0)
        weight = (1 + np.log(counts)) * sign * rarity[where]
        columns.append(where)
        values.append(weight / np.linalg.norm(weight))
    if not columns:
        return Sparse(np.zeros(0, np.int64), np.zeros(0, np.float32))
    unique_columns, places = np.unique(np.concatenate(columns), return_inverse=True)
    sums = np.bincount(places, weights=np.concatenate(values))
    length = np.linalg.norm(sums) or 1.0
    return Sparse(unique_columns, (sums / length).astype(np.float32))


def _word_hashes(found: Sequence[str]) -> Hashes:
    single = np.array([zlib.crc32(word.encode()) for word in found], dtype=np.uint64)
    if len(single) < 2:
        return _mixed(single)
    pairs = single[:-1] * np.uint64(0x9E3779B97F4A7C15) + single[1:] + np.uint64(7)
    return np.concatenate([_mixed(single), _mixed(pairs)])


def _run_hashes(text: bytes) -> Hashes:
    data = np.frombuffer(text, dtype=np.uint8).astype(np.uint64)
    groups = []
    for length in _RUNS:
        count = len(data) - length + 1
        if count < 1:
            continue
        value = np.full(count, length, dtype=np.uint64)
        for offset in range(length):
            value = value * np.uint64(1099511628211) + data[offset : offset + count]  # FNV
        groups.append(_mixed(value))
    return np.concatenate(groups) if groups else np.zeros(0, np.uint64)


def _mixed(value: Hashes) -> Hashes:
    """The finaliser of splitmix64: every bit of the input reaches every bit of the column."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Hashes = value ^ (value >> np.uint64(31))
    return mixed
