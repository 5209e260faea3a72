"""Hashed n-grams: the same vector everywhere and for ever."""

import hashlib

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from runtime.router.features import COLUMNS, HEAD, TAIL, hashed, matrix


def test_the_vector_of_a_prompt_is_pinned() -> None:
    """If this fails, every head in every package means something else: give the encoder a new name."""
    columns, values = hashed("List the 10 cities of España with c++ and 数据 in them?")
    digest = hashlib.sha256(columns.astype("<i8").tobytes())
    digest.update(np.round(values * 1e4).astype("<i4").tobytes())
    assert digest.hexdigest() == "ab2e7593bc3bff2bae696bf9752d70a1d29cdcb63207c516e854e8d46fe59775"


@given(st.text(max_size=200))
def test_every_text_is_a_unit_vector_in_column_order(text: str) -> None:
    columns, values = hashed(text)
    assert (np.diff(columns) > 0).all() and ((columns >= 0) & (columns < COLUMNS)).all()
    assert len(columns) == 0 or abs(np.linalg.norm(values) - 1) < 1e-5


@given(st.text(max_size=100), st.integers(0, 9), st.integers(10, 99999))
def test_which_number_is_asked_about_does_not_matter(text: str, one: int, other: int) -> None:
    left, right = hashed(f"{text} {one} rows"), hashed(f"{text} {other} rows")
    assert (left.columns == right.columns).all() and np.allclose(left.values, right.values)


def test_case_and_width_do_not_matter() -> None:
    assert (hashed("\uff33\uff31\uff2c Query").columns == hashed("sql query").columns).all()


def test_half_of_a_surrogate_pair_is_no_reason_to_fail() -> None:
    assert len(hashed("a \ud800 b").columns) > 0


def test_the_middle_of_a_long_prompt_is_not_read() -> None:
    head, tail = "a" * HEAD, "z" * TAIL
    long = hashed(head + "secret " * 100_000 + tail)
    assert (long.columns == hashed(head + "other" * 1000 + tail).columns).all()


def test_similar_prompts_are_nearer_than_different_ones() -> None:
    rows = matrix(["list all cities by population", "list the cities by their population", "a poem about the sea"])
    nearness = rows @ rows.T
    assert nearness[0, 1] > 0.5 > nearness[0, 2]
