"""Text of strangers in YAML: read back by OmegaConf it is the same text, and it answers no question."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from expertbuild.migration.settling import plain
from expertbuild.migration.yaml_text import MISSING, listing, paragraph, scalar

ODD = st.sampled_from(
    [
        "${",
        "}",
        "\\",
        "???",
        "${oc.env:HOME}",
        ": ",
        " #",
        "\n",
        "- ",
        "'",
        '"',
        "  ",
        "%",
        "@",
        "&a",
        "*a",
        "!x",
        "|",
        ">",
        "a",
    ]
)
TEXTS = st.one_of(st.text(), st.lists(ODD | st.text(max_size=3), max_size=30).map("".join), st.text(min_size=120)).map(
    plain
)


def read(written: str) -> Any:
    return OmegaConf.to_container(OmegaConf.create(written), resolve=True)


@given(TEXTS)
def test_text_reads_back_as_itself(text: str) -> None:
    assert read(f"key: {scalar(text)}\nlist: [{scalar(text)}]") == {"key": text, "list": [text]}


@given(TEXTS.filter(bool), st.integers(0, 4))
def test_long_and_broken_text_reads_back_as_itself(text: str, indent: int) -> None:
    written = "\n".join(["top:"] * bool(indent) + paragraph("key", text, indent)) + "\n"
    assert read(written) == ({"top": {"key": text}} if indent else {"key": text})


@given(st.lists(TEXTS.filter(bool), max_size=8))
def test_lists_read_back_as_themselves(texts: list[str]) -> None:
    assert read("\n".join(listing("key", texts, 0))) == {"key": texts}


@given(st.one_of(st.none(), st.booleans(), st.integers(-(10**18), 10**18), st.floats(-1e300, 1e300)))
def test_numbers_read_back_as_themselves(value: Any) -> None:
    again = read(f"key: {scalar(value)}")["key"]
    assert again == value and type(again) is type(value)


@given(st.text())
def test_plain_text_has_nothing_that_a_terminal_obeys(text: str) -> None:
    assert all(line.isprintable() for line in plain(text).split("\n"))
    assert plain(plain(text)) == plain(text)


def test_words_stay_bare_and_what_looks_like_something_else_is_quoted() -> None:
    bare = ["sql", "text-to-sql", "create table", "Apache-2.0", "1.2.0"]
    assert [scalar(word) for word in bare] == bare
    assert all(
        scalar(word).startswith('"') for word in ["no", "null", "1e3", "a: b", "- x", "", MISSING, "Y", "2024-01-01"]
    )
