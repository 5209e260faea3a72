import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.artifact.refusals import BadJson
from runtime.artifact.strict_json import canonical, read, read_canonical, read_mostly_canonical

finite = st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | finite | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(values)
def test_what_is_written_is_read_back_and_spelled_the_same(value):
    data = canonical(value)
    assert read_canonical(data, "it") == value
    assert json.loads(data) == value


def test_the_canonical_spelling_is_pinned():
    value = {"b": [1, 2.5, -0.0, 1e300, True, None], "ä": '\u2028\n"', "a": {}, "B": []}
    want = '{"B":[],"a":{},"b":[1,2.5,-0.0,1e+300,true,null],"ä":"\u2028\\n\\""}'
    assert canonical(value) == want.encode()


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b'{"a":1,"a":1}', "'a' twice"),
        (b'{"x":{"a":1,"b":2,"\\u0061":3}}', "'a' twice"),
        (b"NaN", "NaN"),
        (b"[Infinity]", "Infinity"),
        (b"[-Infinity]", "Infinity"),
        (b"1e400", "too large"),
        (b"-1e400", "too large"),
        (b"1" * 400, "400 digits"),
        (b"[" * 100_000, "too deeply"),
        (b'{"a":' * 100_000, "too deeply"),
        (b"[" * 70 + b"]" * 70, "more than 64 deep"),
        (b'"\xff"', "not UTF-8 at byte 1"),
        (b'"\xed\xa0\x80"', "not UTF-8"),
        (b'"\xc0\xaf"', "not UTF-8"),
        (b'"\\ud800"', "surrogate"),
        (b'{"\\udfff":1}', "surrogate"),
        (b"\xef\xbb\xbf{}", "byte-order mark"),
        ('{"a":1}'.encode("utf-16"), "not UTF-8"),
        (b"", "not JSON"),
        (b"{} {}", "not JSON"),
        (b"{'a':1}", "not JSON"),
        (b"01", "not JSON"),
        (b"[1,]", "not JSON"),
        (b'"a\nb"', "not JSON"),
    ],
)
def test_what_two_readers_could_read_differently_is_refused(data, sentence):
    with pytest.raises(BadJson, match=sentence):
        read(data, "the manifest")


def test_the_size_is_capped_before_anything_is_read():
    with pytest.raises(BadJson, match="at most 10"):
        read(b'"' + b"a" * 20 + b'"', "it", cap=10)


@pytest.mark.parametrize("data", [b'{"b":1,"a":2}', b'{"a": 1}', b"1.50", b'"\\u00e4"', b"{}\n"])
def test_another_spelling_of_a_signed_document_is_refused(data):
    read(data, "it")
    with pytest.raises(BadJson, match="canonical"):
        read_canonical(data, "it")


@pytest.mark.parametrize("value", [float("nan"), {1: 2}, "\ud800", b"x", {"a": {1, 2}}])
def test_what_json_can_not_say_is_not_written(value):
    with pytest.raises(BadJson):
        canonical(value)


@settings(max_examples=150, deadline=None)
@given(values, st.booleans())
def test_the_fast_reading_gives_what_the_careful_one_gives(value, spaced):
    data = json.dumps(value).encode() if spaced else canonical(value)
    assert read_mostly_canonical(data, "it") == read(data, "it")


@settings(max_examples=150, deadline=None)
@given(value=values, data=st.data())
def test_the_fast_reading_refuses_a_damaged_document_like_the_careful_one(value, data):
    good = canonical({"first": 1, "value": value})
    where = data.draw(st.integers(0, len(good) - 1))
    damaged = good[:where] + bytes([data.draw(st.integers(0, 255))]) + good[where + 1 :]
    try:
        want = read(damaged, "it")
    except BadJson as error:
        if "digits" not in error.what:  # the one thing that its callers bound themselves
            with pytest.raises(BadJson):
                read_mostly_canonical(damaged, "it")
        return
    assert read_mostly_canonical(damaged, "it") == want


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1,"a":1}',
        b'{"a":NaN}',
        b"[1e400]",
        b'["\\ud800"]',
        b"\xef\xbb\xbf{}",
        b"\xff",
        b"{}{}",
        b"[" * 100_000,
        b"1" * 5000,
        b'"\xed\xa0\x80"',
    ],
)
def test_the_fast_reading_lets_nothing_through_that_has_two_readings(data):
    with pytest.raises(BadJson):
        read_mostly_canonical(data, "it")


def test_the_fast_reading_has_the_same_cap():
    with pytest.raises(BadJson, match="at most 10 are read"):
        read_mostly_canonical(b'"' + b"a" * 20 + b'"', "it", cap=10)
