"""An answer that its check doubts is looked at again: the next best that names what is there comes in its place."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from runtime.artifact.manifest import Decoding
from runtime.engine.engine import Engine
from runtime.engine.sequence import Result, Usage
from runtime.errors import Problem
from runtime.registry.store import Store
from runtime.server.app import Limits
from runtime.service import Runtime
from runtime.service.answers import Ask
from runtime.service.errors import Overloaded, Stopped
from tests.server.conftest import serving, wait_for
from tests.server.installed import package

GRAMMAR = 'root ::= "SELECT weight FROM " table ";"\ntable ::= [a-z]+'
TABLES = ("films", "boxes")


def asked(has: str) -> str:
    """A schema in which one table has a weight, and the other has none."""
    columns = {table: "weight INT" if table == has else "title TEXT" for table in TABLES}
    return "\n".join(f"CREATE TABLE {table} (id INT, {column});" for table, column in columns.items()) + "\nHow heavy?"


def served(folder: Path, base: Path, engine: Engine, width: int | None, key: str = "bind") -> Runtime:
    store = Store(folder / f"looked-{width}-{key}")
    path = folder / f"looked-{width}-{key}.expert"
    narrowed = {key: {"table": "sql_tables"}}
    decoding = Decoding(max_tokens=60, grammar=True, check="sql_names", second_look=width, **narrowed)
    store.install(package(path, engine, members={"grammar.gbnf": GRAMMAR.encode()}, decoding=decoding))
    return Runtime(base, store=store, cache_tokens=4096)


@pytest.fixture(scope="module")
def looking(folder: Path, base: Path, engine: Engine) -> Iterator[Runtime]:
    with served(folder, base, engine, 4) as runtime:
        yield runtime


@pytest.fixture(scope="module")
def doubted(folder: Path, base: Path, engine: Engine) -> str:
    """What the expert says by itself is wrong for one of the two schemas."""
    with served(folder, base, engine, None) as runtime:
        said = {table: runtime.generate(asked(table), expert="expert-query").text for table in TABLES}
    wrong = [table for table in TABLES if f"FROM {table};" not in said[table]]
    assert wrong and "-- cannot: " in said[wrong[0]]
    return wrong[0]


def test_the_table_that_has_it_is_found(looking: Runtime, doubted: str) -> None:
    for table in TABLES:
        assert looking.generate(asked(table), expert="expert-query").text == f"SELECT weight FROM {table};"
    assert looking.open_requests == 0


def test_a_rule_may_be_narrowed_for_the_second_look_alone(folder: Path, base: Path, engine: Engine) -> None:
    with served(folder, base, engine, None, "rebind") as once, served(folder, base, engine, 4, "rebind") as twice:
        for table in TABLES:
            assert f"FROM {table};" not in once.generate(asked(table), expert="expert-query").text
            assert twice.generate(asked(table), expert="expert-query").text == f"SELECT weight FROM {table};"
        prepared = twice.prepare(Ask.of(asked("films"), expert="expert-query"))
        assert prepared.second is not None
        first = Result([], "", "stop", None, Usage(1, 1))
        assert prepared.aimed(prepared.second, first).grammar is not prepared.request.grammar
        assert asyncio.run(twice.generate_async(asked("films"), expert="expert-query")).text.endswith("FROM films;")


def test_such_an_answer_comes_all_at_once(looking: Runtime, doubted: str) -> None:
    pieces = list(looking.stream(asked(doubted), expert="expert-query"))
    assert [piece.text for piece in pieces] == [f"SELECT weight FROM {doubted};"]
    answer = pieces[0].answer
    assert answer is not None and answer.finish_reason == "stop"
    assert looking.engine.tokenizer.decode(list(answer.tokens)) == answer.text
    assert answer.usage.completion_tokens == len(answer.tokens)


def test_what_no_table_has_is_told_as_before(looking: Runtime) -> None:
    text = looking.generate(asked("neither"), expert="expert-query").text
    assert text.endswith("has no column weight") and "-- cannot: " in text


def test_an_event_loop_hears_the_same(looking: Runtime, doubted: str) -> None:
    answer = asyncio.run(looking.generate_async(asked(doubted), expert="expert-query"))
    assert answer.text == f"SELECT weight FROM {doubted};"


def test_a_session_goes_on_from_it(looking: Runtime, doubted: str) -> None:
    with looking.session("expert-query") as session:
        assert session.say(asked(doubted)).text == f"SELECT weight FROM {doubted};"
        assert session.say("And again?").text == f"SELECT weight FROM {doubted};"


@pytest.mark.parametrize("options", [{"temperature": 1.0}, {"n": 2, "temperature": 1.0}, {"logprobs": 1}])
def test_what_was_asked_otherwise_is_looked_at_once(looking: Runtime, options: dict[str, object]) -> None:
    assert looking.prepare(Ask.of(asked("films"), expert="expert-query", **options)).second is None


@pytest.mark.parametrize("problem", [Overloaded("full"), Stopped("The runtime is closed.")])
def test_without_room_or_engine_the_first_answer_stands(
    looking: Runtime, doubted: str, monkeypatch: pytest.MonkeyPatch, problem: Problem
) -> None:
    submit = looking._driver.submit

    def refusing(request, sink):  # type: ignore[no-untyped-def]
        if request.id.endswith("-2"):
            raise problem
        submit(request, sink)

    monkeypatch.setattr(looking._driver, "submit", refusing)
    assert "-- cannot: " in looking.generate(asked(doubted), expert="expert-query").text


def test_whoever_can_wait_no_longer_is_given_the_first_answer(
    looking: Runtime, doubted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit = looking._driver.submit

    def silent(request, sink):  # type: ignore[no-untyped-def]
        submit(request, (lambda _: None) if request.id.endswith("-2") else sink)

    monkeypatch.setattr(looking._driver, "submit", silent)
    body = {"model": "expert-query", "messages": [{"role": "user", "content": asked(doubted)}]}
    with serving(looking, limits=Limits(timeout=3.0)) as address:
        replied = httpx.post(f"{address}/v1/chat/completions", json=body, timeout=30)
    assert replied.status_code == 200
    assert "-- cannot: " in replied.json()["choices"][0]["message"]["content"]
    wait_for(lambda: looking.open_requests == 0)


def test_whoever_goes_away_gives_up_both_looks(looking: Runtime, doubted: str) -> None:
    stream = looking.stream(asked(doubted), expert="expert-query")
    stream.close()  # type: ignore[attr-defined]

    async def leave() -> None:
        task = asyncio.create_task(looking.generate_async(asked(doubted), expert="expert-query"))
        await asyncio.sleep(0.03)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    for _ in range(5):
        asyncio.run(leave())
    assert looking.generate(asked(doubted), expert="expert-query").text == f"SELECT weight FROM {doubted};"
    assert looking.open_requests == 0


def test_a_client_that_wants_few_tokens_gets_what_was_said_so_far(looking: Runtime, doubted: str) -> None:
    answer = looking.generate(asked(doubted), expert="expert-query", max_tokens=4)
    assert answer.finish_reason == "length" and len(answer.tokens) == 4


def test_an_answer_that_goes_in_circles_finds_its_end(folder: Path, base: Path, engine: Engine) -> None:
    """By itself it repeats one word until the room for it is full; what comes in its place is finished, doubted or not."""
    store = Store(folder / "circles")
    for name, width in (("once", None), ("twice", 4)):
        decoding = Decoding(max_tokens=120, grammar=True, check="sql_names", second_look=width)
        members = {"grammar.gbnf": b'root ::= ("SELECT weight FROM films " | "SELECT id FROM films ")+ ";"'}
        path = folder / f"{name}.expert"
        store.install(package(path, engine, name=f"expert-{name}", members=members, decoding=decoding))
    with Runtime(base, store=store, cache_tokens=4096) as runtime:
        once = runtime.generate(asked("films"), expert="expert-once")
        assert once.finish_reason == "length" and len(once.tokens) == 120
        twice = runtime.generate(asked("films"), expert="expert-twice")
        assert twice.finish_reason == "stop" and twice.text.endswith(" ;") and len(twice.tokens) < 120
        assert asyncio.run(runtime.generate_async(asked("films"), expert="expert-twice")).text == twice.text
        short = runtime.generate(asked("films"), expert="expert-twice", max_tokens=60)
        assert short.finish_reason == "length"  # who wants few tokens has them
