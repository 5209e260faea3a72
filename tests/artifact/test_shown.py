from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.artifact.shown import shown, table


def test_what_a_terminal_would_obey_is_shown():
    assert shown("\x1b[2Jgone\x07") == "\\x1b[2Jgone\\x07"
    assert shown("a\u202eb\u200bc\u2028d\x85e") == "a\\u202eb\\u200bc\\u2028d\\x85e"
    assert shown("one\ntwo\r\tthree") == "one\\ntwo\\r\\tthree"
    assert shown("\ud800") == "\\ud800"
    assert shown("Größe 日本 ✓") == "Größe 日本 ✓"


def test_long_text_is_cut():
    assert shown("a" * 50, 10) == "a" * 10 + "..."


def test_a_table_stays_a_table_whatever_is_in_it():
    text = table([("NAME", "SUMMARY"), ("a\nb", "\x1b]0;title\x07"), ("long-name", "x")])
    assert len(text.splitlines()) == 3


@settings(max_examples=100, deadline=None)
@given(st.text())
def test_nothing_unprintable_gets_through(text):
    safe = shown(text)
    assert safe.isprintable()
    assert safe.encode("utf-8", "strict") is not None
