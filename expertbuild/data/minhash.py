"""Which texts are nearly the same: MinHash signatures over runs of characters, and banding to find likely pairs.

Two texts are compared by the runs of five bytes that they share (case and runs of blanks do not count). The share of
equal numbers in two signatures estimates the Jaccard similarity of the two sets of runs; with 128 numbers its standard
error is 0.035 at a similarity of 0.8. Whole arrays are worked on at once: no loop over runs, and none over pairs of
rows that share no band. It knows nothing of rows, splits or files.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

PERMUTATIONS = 128
WIDTH = 5  # bytes in a run
MISSED = 0.02  # share of pairs just at the threshold that banding may overlook
_BLOCK = 1 << 16  # runs worked on at a time: what fits into the cache of one core
_CHUNK = 1 << 20  # bytes hashed at a time, however long one text is

Signatures = npt.NDArray[np.uint32]
Keys = npt.NDArray[np.uint64]

_rng = np.random.Generator(np.random.PCG64(20))
_A = _rng.integers(0, 1 << 32, PERMUTATIONS, dtype=np.uint32) | np.uint32(1)
_B = _rng.integers(0, 1 << 32, PERMUTATIONS, dtype=np.uint32)
_BAND = _rng.integers(0, 1 << 63, PERMUTATIONS, dtype=np.uint64) | np.uint64(1)
_POWERS = np.array([pow(0x9E3779B97F4A7C15, n + 1, 1 << 64) for n in range(WIDTH)], np.uint64)


def plain(text: str) -> bytes:
    """What is compared of a text."""
    return " ".join(text.casefold().split()).encode("utf-8", "surrogatepass").ljust(WIDTH, b"\0")


def signatures(texts: Sequence[str]) -> Signatures:
    """A row of 128 numbers for each text."""
    made = np.full((len(texts), PERMUTATIONS), 0xFFFFFFFF, np.uint32)
    held: list[npt.NDArray[np.uint32]] = []
    owners: list[int] = []
    size = 0
    for row, text in enumerate(texts):
        data = plain(text)
        for start in range(0, max(1, len(data) - WIDTH + 1), _CHUNK):
            runs = _runs(data[start : start + _CHUNK + WIDTH - 1])
            held.append(runs)
            owners.append(row)
            size += len(runs)
            if size >= _BLOCK:
                _least(made, held, owners)
                held, owners, size = [], [], 0
    if held:
        _least(made, held, owners)
    return made


def _runs(data: bytes) -> npt.NDArray[np.uint32]:
    """A well mixed number for every run of bytes."""
    letters = np.frombuffer(data, np.uint8).astype(np.uint64)
    count = len(letters) - WIDTH + 1
    mixed = letters[:count] * _POWERS[0]
    for place in range(1, WIDTH):
        mixed += letters[place : place + count] * _POWERS[place]
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    runs: npt.NDArray[np.uint32] = (mixed >> np.uint64(32)).astype(np.uint32)
    return runs


def _least(made: Signatures, held: Sequence[npt.NDArray[np.uint32]], owners: Sequence[int]) -> None:
    """Put the smallest of each permutation into the signatures."""
    runs = np.concatenate(held)
    starts = np.concatenate([[0], np.cumsum([len(each) for each in held])[:-1]]).astype(np.intp)
    room = np.empty_like(runs)
    least = np.empty((PERMUTATIONS, len(held)), np.uint32)
    for number in range(PERMUTATIONS):
        np.multiply(runs, _A[number], out=room)
        np.add(room, _B[number], out=room)
        np.minimum.reduceat(room, starts, out=least[number])
    if len(set(owners)) == len(owners):
        made[owners] = np.minimum(made[owners], least.T)
    else:  # one text in several chunks
        np.minimum.at(made, owners, least.T)


def bands(threshold: float) -> tuple[int, int]:
    """How many bands of how many numbers: the longest that overlook at most `MISSED` of the pairs at the threshold."""
    for rows in range(32, 1, -1):
        count = PERMUTATIONS // rows
        if (1 - threshold**rows) ** count <= MISSED:
            return count, rows
    return PERMUTATIONS, 1


def band_keys(made: Signatures, threshold: float) -> Keys:
    """One number for each band of each signature: those that are equal make a likely pair."""
    count, rows = bands(threshold)
    wide = made[:, : count * rows].astype(np.uint64) * _BAND[: count * rows]
    wide ^= wide >> np.uint64(31)
    keys: Keys = wide.reshape(len(made), count, rows).sum(axis=2, dtype=np.uint64)
    return keys


def likely_pairs(keys: Keys) -> Iterator[tuple[int, int]]:
    """(later, earlier) rows that share a band, in order; of many that share one, each with the first and the one before.

    So the number of pairs grows with the rows and not with their square, even where all rows are alike.
    """
    found: list[Any] = []
    for band in range(keys.shape[1]):
        order = np.argsort(keys[:, band], kind="stable").astype(np.uint64)
        ordered = keys[order, band]
        new = np.concatenate([[True], ordered[1:] != ordered[:-1]])
        first = np.maximum.accumulate(np.where(new, np.arange(len(new)), 0))
        others = np.flatnonzero(~new)
        for earlier in (order[first[others]], order[others - 1]):
            found.append((order[others] << np.uint64(32)) | earlier)
    for pair in np.unique(np.concatenate(found)) if found else ():
        yield int(pair) >> 32, int(pair) & 0xFFFFFFFF


def similarity(left: Signatures, right: Signatures) -> float:
    """The estimated Jaccard similarity of two texts."""
    return float(np.count_nonzero(left == right)) / PERMUTATIONS


def leaders(made: Signatures, keys: Keys, threshold: float) -> npt.NDArray[np.int64]:
    """For each text the earlier one that stands for it; itself where no earlier one is near.

    A text that was left out stands for nobody: what is near it is compared with its leader.
    """
    stands = np.arange(len(made))
    asked = (-1, -1)
    for later, earlier in likely_pairs(keys):
        if stands[later] != later:
            continue
        leader = int(stands[earlier])
        if (later, leader) == asked:
            continue
        asked = (later, leader)
        if similarity(made[leader], made[later]) >= threshold:
            stands[later] = leader
    return stands
