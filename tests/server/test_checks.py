"""A finished answer is looked at: what it names and the conversation has not is told below it, streamed or whole."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.artifact.manifest import Decoding
from runtime.engine.engine import Engine
from runtime.registry.store import Store
from runtime.service import Runtime
from tests.server.installed import package

QUERY = "SELECT weight FROM films;"
REMARK = "\n-- cannot: films has no column weight"
ASKED = "CREATE TABLE films (id INT, title TEXT);\nHow heavy are they?"


@pytest.fixture(scope="module")
def checked(folder: Path, base: Path, engine: Engine) -> Iterator[Runtime]:
    store = Store(folder / "checked")
    grammar = f'root ::= "{QUERY}"'.encode()
    decoding = Decoding(max_tokens=60, grammar=True, check="sql_names")
    path = folder / "checked.expert"
    store.install(package(path, engine, members={"grammar.gbnf": grammar}, decoding=decoding))
    with Runtime(base, store=store, cache_tokens=2048) as runtime:
        yield runtime


def test_the_whole_answer_and_its_pieces_have_the_remark(checked: Runtime) -> None:
    pieces = list(checked.stream(ASKED, expert="expert-query"))
    assert "".join(piece.text for piece in pieces) == QUERY + REMARK
    answer = pieces[-1].answer
    assert answer is not None and answer.text == QUERY + REMARK
    assert answer.usage.completion_tokens == len(answer.tokens), "a remark is no token"


def test_what_is_there_has_none(checked: Runtime) -> None:
    asked = ASKED.replace("title", "weight")
    assert checked.generate(asked, expert="expert-query").text == QUERY


def test_an_answer_that_was_cut_off_has_none(checked: Runtime) -> None:
    answer = checked.generate(ASKED, expert="expert-query", max_tokens=3)
    assert answer.finish_reason == "length" and "cannot" not in answer.text


def test_an_answer_that_the_client_binds_by_a_schema_has_none(checked: Runtime) -> None:
    answer = checked.generate(ASKED, expert="expert-query", schema={"const": QUERY})
    assert answer.text == f'"{QUERY}"'


def test_a_session_goes_on_below_it(checked: Runtime) -> None:
    with checked.session("expert-query") as session:
        session.say(ASKED)
        assert session.messages[-1]["content"] == QUERY + REMARK
        assert session.say("And again?").text == QUERY + REMARK


def test_several_answers_have_one_each(checked: Runtime) -> None:
    answers = checked.choices(ASKED, expert="expert-query", n=2, temperature=1.0)
    assert [answer.text for answer in answers] == [QUERY + REMARK] * 2
