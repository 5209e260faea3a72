"""MinHash: estimates that are right, pairs that are found, and a cost that does not explode."""

import random

import numpy as np
import pytest

from expertbuild.data.minhash import (
    PERMUTATIONS,
    band_keys,
    bands,
    leaders,
    likely_pairs,
    plain,
    signatures,
    similarity,
)
from expertbuild.data.nearness import Nearness


def runs(text: str) -> set[bytes]:
    data = plain(text)
    return {data[start : start + 5] for start in range(len(data) - 4)}


def jaccard(left: str, right: str) -> float:
    return len(runs(left) & runs(right)) / len(runs(left) | runs(right))


def sentences(count: int, seed: int = 0) -> list[str]:
    rng = random.Random(seed)
    letters = "abcdefghijklmnopqrstuvwxyz"
    known = ["".join(rng.choices(letters, k=rng.randint(2, 9))) for _ in range(4000)]
    return [" ".join(rng.choices(known, k=40)) for _ in range(count)]


def altered(text: str, words: int, seed: int) -> str:
    rng = random.Random(seed)
    parts = text.split()
    for place in rng.sample(range(len(parts)), words):
        parts[place] = "other"
    return " ".join(parts)


def test_the_estimate_is_the_jaccard_similarity_within_its_standard_error() -> None:
    texts = sentences(60)
    pairs = [(text, altered(text, number % 12, number)) for number, text in enumerate(texts)]
    errors = []
    for left, right in pairs:
        one, other = signatures([left, right])
        errors.append(similarity(one, other) - jaccard(left, right))
    assert abs(np.mean(errors)) < 0.02
    assert np.std(errors) < 1.5 * 0.5 / PERMUTATIONS**0.5


def test_case_and_blanks_make_no_other_text_and_short_texts_are_told_apart() -> None:
    one, other, third, empty = signatures(["A  Short\ntext", "a short text", "ab", ""])
    assert similarity(one, other) == 1
    assert similarity(third, empty) < 0.2


def test_a_text_has_the_same_signature_whatever_stands_beside_it_and_however_long_it_is() -> None:
    texts = [*sentences(40), "x", "é" * 3_000_000, "y " * 40_000]
    together = signatures(texts)
    assert (together == np.concatenate([signatures([text]) for text in texts])).all()


def test_signatures_are_pinned() -> None:
    """What is near and what is not decides which rows an expert learns from: a change must be seen."""
    assert signatures(["the quick brown fox"])[0, :4].tolist() == PINNED


PINNED = [426918540, 345600844, 372816956, 522696558]


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7, 0.8, 0.9, 1.0])
def test_banding_overlooks_at_most_two_in_a_hundred_at_the_threshold(threshold: float) -> None:
    count, rows = bands(threshold)
    assert count * rows <= PERMUTATIONS
    assert (1 - threshold**rows) ** count <= 0.02


def test_near_texts_are_found_and_others_left_alone() -> None:
    texts = sentences(300)
    near = [altered(text, 1, number) for number, text in enumerate(texts[:100])]
    every = [*texts, *near]
    made = signatures(every)
    stands = leaders(made, band_keys(made, 0.8), 0.8)
    expected = {300 + number: number for number, text in enumerate(texts[:100]) if jaccard(text, near[number]) >= 0.8}
    assert len(expected) > 90
    found = {number: int(leader) for number, leader in enumerate(stands) if leader != number}
    wrong = {
        number
        for number in expected.keys() ^ found.keys()
        if abs(jaccard(every[number], every[number - 300]) - 0.8) > 0.1
    }
    assert not wrong and all(found[number] == expected[number] for number in found.keys() & expected.keys())


def test_where_all_texts_are_alike_pairs_grow_with_the_rows_and_not_with_their_square() -> None:
    made = signatures(["one and the same text"] * 2000)
    keys = band_keys(made, 0.8)
    assert len(list(likely_pairs(keys))) <= 2 * 2000
    assert set(leaders(made, keys, 0.8).tolist()) == {0}


def test_what_is_near_a_row_that_went_is_compared_with_the_one_that_stands_for_it() -> None:
    """A chain of small changes does not carry far: the end of it differs from its beginning, and stays."""
    chain = [sentences(1, seed=5)[0]]
    for number in range(12):
        parts = chain[-1].split()
        parts[number * 3] = "changed"
        chain.append(" ".join(parts))
    made = signatures(chain)
    stands = leaders(made, band_keys(made, 0.8), 0.8)
    kept = [number for number, leader in enumerate(stands) if number == leader]
    assert len(kept) >= 2
    for number, leader in enumerate(stands):
        assert similarity(made[number], made[leader]) >= 0.8


def test_a_test_set_in_memory_finds_what_is_near_to_it() -> None:
    texts = sentences(50, seed=9)
    known = Nearness(texts, 0.8)
    assert known.nearest([altered(texts[7], 1, 0), "nothing of the kind", texts[3]]) == [7, None, 3]
