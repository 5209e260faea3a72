import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.registry.ranges import admits, check_range, hits, release_of
from runtime.registry.refusals import BadRange

# Range, versions inside, versions outside; the answers are those of npm's own library.
NPM = [
    ("*", "0.0.0 9.9.9 1.0.0+build", "1.0.0-rc.1"),
    ("1.2.3", "1.2.3 1.2.3+7", "1.2.4 1.2.3-rc.1"),
    ("^1.2", "1.2.0 1.9.9", "1.1.9 2.0.0 2.0.0-rc.1 1.3.0-rc.1"),
    ("^0.2.3", "0.2.3 0.2.9", "0.3.0 0.2.2 1.0.0"),
    ("^0.0.3", "0.0.3", "0.0.4"),
    ("~1.2.3", "1.2.3 1.2.9", "1.3.0"),
    ("~1.2.0-rc.1", "1.2.0-rc.1 1.2.0-rc.2 1.2.0 1.2.9", "1.2.1-rc.1 1.3.0 1.2.0-beta"),
    ("~1", "1.0.0 1.9.0", "2.0.0"),
    ("1.x", "1.0.0 1.9.0", "2.0.0 0.9.0"),
    ("1.2.*", "1.2.0", "1.3.0"),
    (">=1 <3", "1.0.0 2.9.9", "3.0.0 0.9.9"),
    (">= 1.2", "1.2.0", "1.1.0"),
    ("1.2 - 1.4", "1.2.0 1.4.9", "1.5.0"),
    ("^1 || ^3", "1.0.0 3.1.0", "2.0.0"),
    (">=1.0.0-beta.2", "1.0.0-beta.11 1.0.0-rc.1 1.0.0 2.0.0", "1.0.0-beta.1 1.1.0-rc.1"),
]


@pytest.mark.parametrize(("text", "inside", "outside"), NPM)
def test_ranges_are_read_as_npm_reads_them(text, inside, outside):
    assert [v for v in inside.split() if not admits(text, v)] == []
    assert [v for v in outside.split() if admits(text, v)] == []


@pytest.mark.parametrize(
    "text", ["latest", "1.2.3.4", ">=01.2", "^", "1,2", "!1", "1" * 101, "\u0661", "1\x1b[2J", "../.."]
)
def test_what_is_no_range_is_a_mistake_that_shows_how_to_write_one(text):
    with pytest.raises(BadRange, match="is not a range") as caught:
        check_range(text)
    assert "\x1b" not in str(caught.value)


def test_a_conflict_holds_for_prereleases_as_for_their_releases():
    assert hits("<2", "1.5.0-rc.1") and not admits("<2", "1.5.0-rc.1")
    assert not hits("<2", "2.0.0-rc.1")
    assert release_of("1.5.0-rc.1+7") == "1.5.0"


@given(st.text(alphabet="0123x.*^~<>=| -+ra", max_size=100))
def test_any_text_is_judged_or_refused(text):
    try:
        check_range(text)
    except BadRange:
        return
    assert admits(text, "1.2.3") in (True, False)
