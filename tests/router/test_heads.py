"""One linear head for each expert, and the file it travels in."""

import numpy as np
import pytest

from runtime.artifact.refusals import BadTensors
from runtime.artifact.tensors import write_tensors
from runtime.router import background
from runtime.router.encoders import HASHED
from runtime.router.errors import ProfileNotMade, ProfileRefused
from runtime.router.features import COLUMNS, matrix
from runtime.router.heads import FORMAT, Head, read_heads, train_head, write_heads
from tests.router.kinds import prompts


def test_a_head_ranks_its_own_kind_above_the_background() -> None:
    head = train_head(prompts("query", 60), background.lessons())
    own, others = matrix(prompts("query", 60, seed=1)) @ head.weight, matrix(background.court()) @ head.weight
    assert (own[:, None] > others[None, :]).mean() > 0.97


def test_training_twice_gives_the_same_head() -> None:
    first, second = (train_head(prompts("verse", 20), background.lessons()) for _ in range(2))
    assert (first.weight == second.weight).all()


def test_a_head_comes_back_from_its_file_unchanged() -> None:
    head = train_head(prompts("record", 20), background.lessons())
    data = write_heads({HASHED: head})
    assert (read_heads(data, "head")[HASHED].weight == head.weight).all()
    assert data == write_heads(read_heads(data, "head"))


def test_nothing_can_be_learned_from_nothing() -> None:
    with pytest.raises(ProfileNotMade):
        train_head([], background.lessons())


def _file(dtype: str, shape: tuple[int, ...], data: bytes, form: str = FORMAT) -> bytes:
    return write_tensors([(HASHED, dtype, shape, data)], {"format": form})


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (_file("F16", (8,), bytes(16)), "shape"),
        (_file("F32", (COLUMNS,), bytes(4 * COLUMNS)), "type"),
        (_file("F16", (COLUMNS,), b"\x00\x7c" * COLUMNS), "finite"),
        (_file("F16", (COLUMNS,), bytes(2 * COLUMNS), "pickle"), "pickle"),
    ],
)
def test_a_strange_head_is_refused_by_name(data: bytes, sentence: str) -> None:
    with pytest.raises(ProfileRefused, match=sentence):
        read_heads(data, "profile/head.safetensors of someone/else")


def test_a_truncated_head_is_refused() -> None:
    data = write_heads({HASHED: Head(HASHED, np.zeros(COLUMNS, np.float32))})
    with pytest.raises(BadTensors):
        read_heads(data[:-1], "head")


def test_a_head_for_an_encoder_of_the_future_is_left_out() -> None:
    data = write_tensors([("hashed-9", "F16", (4,), bytes(8))], {"format": FORMAT})
    assert read_heads(data, "head") == {}
