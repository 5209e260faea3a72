import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expertbuild.graph.canonical import canonical, digest, plain, read_json
from expertbuild.graph.errors import GraphMistake

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.integers(-9, 9) | st.booleans(), inner, max_size=4)
    ),
    max_leaves=20,
)


def exactly(value: Any) -> Any:
    """A value with its types, so that 1, 1.0 and true are three things."""
    if isinstance(value, dict):
        return frozenset((exactly(name), exactly(item)) for name, item in value.items())
    return tuple(map(exactly, value)) if isinstance(value, list) else (type(value).__name__, repr(value))


@given(values, values)
def test_two_values_have_one_text_exactly_when_they_are_the_same_value(one: Any, other: Any) -> None:
    same = exactly(one) == exactly(other)
    assert (canonical(plain(one, "")) == canonical(plain(other, ""))) == same


@given(values)
def test_reading_the_text_back_and_writing_it_again_changes_nothing(value: Any) -> None:
    text = canonical(plain(value, ""))
    assert canonical(read_json(text)) == text
    text.decode("ascii")


@given(st.dictionaries(st.text(), scalars, min_size=2))
def test_the_order_in_which_a_mapping_was_written_does_not_count(value: dict[str, Any]) -> None:
    assert canonical(plain(dict(reversed(value.items())), "")) == canonical(plain(value, ""))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1.0),
        (1, True),
        (0, False),
        (0.0, -0.0),
        ("1", 1),
        (None, "null"),
        ({}, []),
        ({"a": None}, {}),
        ({1: 0}, {"1": 0}),
    ],
)
def test_values_that_are_easily_confused_differ(one: Any, other: Any) -> None:
    assert digest(plain(one, "")) != digest(plain(other, ""))


def test_a_mapping_whose_key_looks_like_our_tag_is_not_taken_for_one() -> None:
    assert digest(plain({"$pairs": [[1, 0]]}, "")) != digest(plain({1: 0}, ""))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, Path("x"), b"x", {1, 2}, object(), 1 << 64])
def test_what_has_no_one_text_is_refused_by_its_place(value: Any) -> None:
    with pytest.raises(GraphMistake, match=r"^train\.a\[1\]: "):
        plain({"a": [0, value]}, "train")


def test_configuration_nested_without_end_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(GraphMistake, match="nested too deeply"):
        plain(endless, "train")


@pytest.mark.parametrize("text", ['{"a":1,"a":2}', '{"a":NaN}', "[1e", "[" * 100_000, '"\udcff"'])
def test_json_that_can_be_read_in_two_ways_is_not_read(text: str) -> None:
    with pytest.raises(ValueError):
        read_json(text.encode("utf-8", "surrogateescape"))


def test_the_text_is_plain_json() -> None:
    assert canonical({"b": [1, 1.5, None, True, "é"], "a": {}}) == b'{"a":{},"b":[1,1.5,null,true,"\\u00e9"]}'
    assert json.loads(canonical(plain({"x": (1, 2)}, ""))) == {"x": [1, 2]}
