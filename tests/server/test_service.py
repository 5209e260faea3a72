"""The Python API: a base, the experts installed for it, answers in three ways."""

import asyncio
import gc
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from runtime.engine.engine import Engine, Request
from runtime.engine.errors import ChatRefused
from runtime.errors import Mistake
from runtime.service import Ask, ContextTooLong, NoSuchModel, Overloaded, Piece, Runtime, Stopped
from tests.server.conftest import wait_for
from tests.server.installed import package, record_for, store_with

LONG = {"type": "string", "minLength": 4000}  # an answer that cannot end before 4,000 characters


def test_everything_installed_for_the_base_is_ready(runtime: Runtime) -> None:
    assert runtime.models == ["auto", "tiny-qwen3", "local/expert-query", "local/expert-record"]
    assert runtime.refused == {}


def test_an_expert_answers_as_the_engine_does_with_its_record_and_system_prompt(
    runtime: Runtime, engine: Engine
) -> None:
    engine.attach("query", record_for(len("query")), "query")
    messages = [{"role": "system", "content": "You are query."}, {"role": "user", "content": "list all cities"}]
    request = Request(engine.tokenizer.chat(messages), 12, adapter="query")
    answer = runtime.generate("list all cities", expert="local/expert-query")
    assert answer.text == engine.generate([request])[0].text and answer.expert == "local/expert-query"
    assert answer.usage.prompt_tokens == len(request.tokens) and answer.decision is None


def test_the_base_answers_differently_and_under_its_own_name(runtime: Runtime) -> None:
    answer = runtime.generate("list all cities", expert="tiny-qwen3", max_tokens=12)
    assert answer.expert is None
    assert answer.text != runtime.generate("list all cities", expert="expert-query").text


def test_the_clients_system_prompt_goes_before_the_experts(runtime: Runtime) -> None:
    own = [{"role": "system", "content": "You are query."}, {"role": "user", "content": "list"}]
    other = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "list"}]
    plain = runtime.prepare(Ask.of("list", expert="expert-query")).request.tokens
    assert runtime.prepare(Ask(own, "expert-query")).request.tokens == plain
    assert runtime.prepare(Ask(other, "expert-query")).request.tokens != plain


def test_the_experts_grammar_binds_its_answers(runtime: Runtime) -> None:
    for temperature in (0.0, 1.5):
        text = runtime.generate("a record", expert="expert-record", temperature=temperature, max_tokens=30).text
        assert text.startswith('{"n": ') and len(text) == 8


def test_a_schema_of_the_request_binds_in_its_place(runtime: Runtime) -> None:
    answer = runtime.generate("a record", expert="expert-record", schema={"enum": ["yes"]}, max_tokens=30)
    assert answer.text == '"yes"' and answer.finish_reason == "stop"


def test_auto_routes_and_says_why(runtime: Runtime) -> None:
    answer = runtime.generate("Which cities, in Postgres?", max_tokens=2)
    assert answer.expert == "local/expert-query"
    assert answer.decision and "keyword 'postgres'" in answer.decision.reasons[0]
    assert runtime.generate("Good morning!", max_tokens=2).expert is None


def test_a_follow_up_goes_by_the_conversation(runtime: Runtime) -> None:
    said = [
        {"role": "user", "content": "Which cities, in Postgres?"},
        {"role": "assistant", "content": "SELECT"},
        {"role": "user", "content": "and sorted?"},
    ]
    decision = runtime.route(said)
    assert decision.expert == "local/expert-query" and decision.reasons[-1] == "decided by the conversation so far"


def test_pieces_add_up_to_the_answer(runtime: Runtime) -> None:
    pieces = list(runtime.stream("hello", expert="expert-query"))
    whole = runtime.generate("hello", expert="expert-query")
    assert len(pieces) > 2 and pieces[-1].answer
    assert "".join(piece.text for piece in pieces) == pieces[-1].answer.text == whole.text


def test_many_tasks_of_one_event_loop_get_their_own_answers(runtime: Runtime) -> None:
    prompts = [f"prompt number {number}" for number in range(12)]

    async def ask() -> list[str]:
        answers = await asyncio.gather(*(runtime.generate_async(p, expert="expert-query") for p in prompts))
        return [answer.text for answer in answers]

    assert asyncio.run(ask()) == [runtime.generate(prompt, expert="expert-query").text for prompt in prompts]


def test_an_answer_that_nobody_waits_for_is_given_up(runtime: Runtime) -> None:
    stream = runtime.stream("hello", expert="tiny-qwen3", max_tokens=450, schema=LONG)
    assert isinstance(next(iter(stream)), Piece)
    assert runtime.open_requests == 1
    stream.close()  # type: ignore[attr-defined]
    wait_for(lambda: runtime.open_requests == 0)


def test_a_cancelled_task_gives_its_answer_up(runtime: Runtime) -> None:
    async def ask() -> None:
        task = asyncio.create_task(runtime.generate_async("hello", expert="tiny-qwen3", max_tokens=450, schema=LONG))
        while not runtime.open_requests:
            await asyncio.sleep(0.005)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(ask())
    wait_for(lambda: runtime.open_requests == 0)


def test_a_session_remembers(runtime: Runtime) -> None:
    session = runtime.session("expert-query", max_tokens=3)
    first, second = session.say("hello"), session.say("again")
    assert [message["role"] for message in session.messages] == ["user", "assistant", "user", "assistant"]
    assert second.usage.prompt_tokens > first.usage.prompt_tokens + first.usage.completion_tokens
    assert second.usage.cached_tokens > 0
    session.forget()
    assert session.say("hello").text == first.text


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"device": "banana"}, "device 'banana' cannot be used"),
        ({"dtype": "fp8"}, "dtype is 'fp8'; it must be one of auto, bf16, fp32"),
        ({"weights": "int3"}, "weights='int3'"),
        ({"cache_tokens": 0}, "cache_tokens is 0"),
        ({"cache_tokens": "many"}, "cache_tokens is 'many'"),
        ({"cache_tokens": 10**15}, "no memory for a cache"),
        ({"cache_dtype": "int4"}, "cache_dtype is 'int4'; it must be one of auto, int8"),
        ({"speculate": "often"}, "speculate is 'often'; it must be one of none, ngram, base"),
        ({"max_batch": 0}, "max_batch is 0; it must be a whole number, 1 or more"),
        ({"queue": -1}, "queue is -1"),
        ({"max_tokens": 0}, "max_tokens is 0"),
        ({"threshold": 5}, "threshold is 5"),
        ({"threshold": float("nan")}, "threshold is nan"),
    ],
)
def test_a_setting_that_means_nothing_is_refused_by_name(base: Path, settings: dict[str, Any], words: str) -> None:
    """No seats at all would let every request wait for ever."""
    with pytest.raises(Mistake, match=words):
        Runtime(base, experts=[], **{"cache_tokens": 512, **settings})


def test_a_session_keeps_its_place_in_the_cache_until_it_is_closed(base: Path, folder: Path, engine: Engine) -> None:
    """Others use all of the cache between two turns, and more than once."""
    with Runtime(base, store=store_with(folder / "sessions", engine), cache_tokens=512) as runtime:

        def crowd() -> None:
            for number in range(8):
                runtime.generate(f"{number} " * 60, expert="tiny-qwen3", max_tokens=1)

        with runtime.session("tiny-qwen3", max_tokens=4) as session:
            session.say("hello " * 12)
            crowd()
            kept = session.say("and now").usage
            assert kept.cached_tokens >= kept.prompt_tokens // 2
        crowd()
        assert session.say("and now").usage.cached_tokens == 0
        del session
        gc.collect()
        runtime._driver.call(lambda engine: engine.check())
        assert not runtime.engine._scheduler.cache._kept, "a session that is lost keeps nothing"


def test_of_several_answers_the_first_is_what_was_said(runtime: Runtime) -> None:
    session = runtime.session("tiny-qwen3", n=3, temperature=1.5, seed=1, max_tokens=6)
    answer = session.say("hello")
    assert answer.choice == 0 and session.messages[-1]["content"] == answer.text
    with pytest.raises(TypeError, match="temperatur"):
        runtime.session("tiny-qwen3", temperatur=1.0)


def test_an_unknown_model_is_named(runtime: Runtime) -> None:
    with pytest.raises(NoSuchModel, match=r"no model 'expert-x'.*expert-query"):
        runtime.generate("hello", expert="expert-x")


def test_a_conversation_longer_than_the_cache_is_refused(runtime: Runtime) -> None:
    with pytest.raises(ContextTooLong, match="this server takes 511"):
        runtime.generate("word " * 2000)


def test_too_many_requests_are_turned_away_and_the_others_finished(base: Path, folder: Path, engine: Engine) -> None:
    store = store_with(folder / "few", engine)
    with Runtime(base, store=store, cache_tokens=1024, max_batch=1, queue=1) as runtime:
        streams = [runtime.stream("hello", max_tokens=100, schema=LONG) for _ in range(3)]
        first = [next(streams[0])]
        second = asyncio.run(_first_of(runtime))
        assert second == "overloaded"
        rest = [*first, *streams[0]]
        assert rest[-1].answer and rest[-1].answer.finish_reason in ("stop", "length")


async def _first_of(runtime: Runtime) -> str:
    """A second request waits, a third is turned away."""
    waiting = asyncio.create_task(runtime.generate_async("hello", max_tokens=2))
    while runtime.open_requests < 2:
        await asyncio.sleep(0.005)
    try:
        await runtime.generate_async("hello", max_tokens=2)
    except Overloaded:
        await waiting
        return "overloaded"
    return "taken"


def test_releasing_takes_an_expert_away_and_attaching_brings_it_back(runtime: Runtime) -> None:
    before = runtime.generate("hello", expert="expert-query").text
    runtime.release("expert-query")
    assert "local/expert-query" not in runtime.models
    assert runtime.generate("Which cities, in Postgres?", max_tokens=2).expert != "local/expert-query"
    with pytest.raises(NoSuchModel):
        runtime.generate("hello", expert="expert-query")
    assert runtime.attach_experts(["expert-query"]) == ["local/expert-query"]
    assert runtime.generate("hello", expert="expert-query").text == before


def test_a_release_does_not_disturb_an_answer_that_is_being_given(runtime: Runtime) -> None:
    whole = runtime.generate("hello", expert="expert-record", max_tokens=30).text
    stream = runtime.stream("hello", expert="expert-record", max_tokens=30)
    pieces = [next(stream)]
    runtime.release("expert-record")
    try:
        assert "".join(piece.text for piece in [*pieces, *stream]) == whole
    finally:
        runtime.attach_experts(["expert-record"])


def test_a_new_version_takes_over_without_a_gap(base: Path, folder: Path, engine: Engine) -> None:
    store = store_with(folder / "versions", engine, "query")
    with Runtime(base, store=store, cache_tokens=1024) as runtime:
        newer = package(folder / "versions" / "new.expert", engine, "query", version="0.2.0", summary="newer")
        assert runtime.attach_experts([newer]) == ["local/expert-query"]
        assert runtime.experts["local/expert-query"].installed.version == "0.2.0"
        assert list(runtime.engine.attached()) == [runtime.experts["local/expert-query"].adapter]
        broken = package(folder / "versions" / "bad.expert", engine, "query", version="0.3.0", shift=1.0)
        with pytest.raises(Exception, match="canary"):
            runtime.attach_experts([broken])
        assert runtime.generate("hello", expert="expert-query", max_tokens=2).expert == "local/expert-query"


def test_a_closed_runtime_says_so(base: Path, folder: Path, engine: Engine) -> None:
    runtime = Runtime(base, store=store_with(folder / "closed", engine), cache_tokens=1024)
    stream = runtime.stream("hello", max_tokens=450, schema=LONG)
    next(stream)
    runtime.close()
    with pytest.raises(Stopped):
        list(stream)
    with pytest.raises(Stopped, match="closed"):
        runtime.generate("hello")


def test_nobody_waits_for_a_runtime_that_was_closed_meanwhile(base: Path, folder: Path, engine: Engine) -> None:
    """A request that is on its way to the engine's thread when that is told to stop comes before the word or hears of it."""
    runtime = Runtime(base, store=store_with(folder / "closing", engine), cache_tokens=1024)
    inbox, on_its_way, closed = runtime._driver._inbox, threading.Event(), threading.Event()

    class Slow:
        def get(self, block: bool) -> Any:
            return inbox.get(block)

        def put(self, work: Any) -> None:
            if work is not None and not on_its_way.is_set():
                on_its_way.set()
                closed.wait(1)
            inbox.put(work)

    runtime._driver._inbox = Slow()  # type: ignore[assignment]
    asking = threading.Thread(target=lambda: suppress_stopped(runtime), daemon=True)
    asking.start()
    assert on_its_way.wait(10)
    runtime.close()
    closed.set()
    asking.join(10)
    assert not asking.is_alive()


def suppress_stopped(runtime: Runtime) -> None:
    with suppress(Stopped):
        runtime.generate("hello", max_tokens=1)


@pytest.mark.parametrize(
    "messages",
    [None, 5, ["hello"], [{"role": "user"}], [{"content": "hello"}], [{"role": "user", "content": None}], b"hello"],
)
def test_what_is_no_conversation_is_refused_whoever_is_asked(runtime: Runtime, messages: Any) -> None:
    for model in ("auto", "tiny-qwen3", "expert-query"):
        with pytest.raises(ChatRefused, match="conversation"):
            runtime.generate(messages, expert=model)


def test_one_stop_string_need_not_be_a_list(runtime: Runtime) -> None:
    whole = runtime.generate("hello", expert="tiny-qwen3", max_tokens=12).text
    stop = whole[4:7]
    assert runtime.generate("hello", expert="tiny-qwen3", max_tokens=12, stop=stop).text == whole[: whole.find(stop)]


def test_several_experts_answer_together_by_their_weights(runtime: Runtime, engine: Engine) -> None:
    """The one with the largest weight leads: its system prompt and its grammar hold, unless another is named."""
    for kind in ("query", "record"):
        engine.attach(kind, record_for(len(kind)), kind)
    weights = {"expert-query": 0.7, "expert-record": 0.3}
    messages = [{"role": "system", "content": "You are query."}, {"role": "user", "content": "list all cities"}]
    request = Request(engine.tokenizer.chat(messages), 12, adapter={"query": 0.7, "record": 0.3})
    answer = runtime.generate("list all cities", experts=weights)
    assert answer.text == engine.generate([request])[0].text and answer.expert == "local/expert-query"
    assert answer.experts == {"local/expert-query": 0.7, "local/expert-record": 0.3} and answer.decision is None
    assert runtime.generate("a", expert="expert-record", experts=weights, max_tokens=30).text.startswith('{"n": ')
    assert runtime.generate("a", expert="tiny-qwen3", experts=weights, max_tokens=2).expert is None


@pytest.mark.parametrize(
    ("expert", "experts", "words"),
    [
        ("auto", {"expert-query": 1, "local/expert-query": 1}, "named twice"),
        ("auto", {"expert-query": -1}, "it must be above 0"),
        ("auto", {"expert-query": float("nan")}, "is nan"),
        ("auto", {"expert-x": 1}, "no model 'expert-x'"),
        ("expert-record", {"expert-query": 1}, "expert-record is to lead and is not among"),
    ],
)
def test_experts_that_cannot_answer_together_are_named(
    runtime: Runtime, expert: str, experts: dict[str, float], words: str
) -> None:
    with pytest.raises(Mistake, match=words):
        runtime.generate("hello", expert=expert, experts=experts)


def test_a_cache_out_of_order_is_found_when_nothing_runs(base: Path, folder: Path, engine: Engine) -> None:
    """A block that nobody holds and nobody can get: the answer at hand is given, and after it nothing is served."""
    with Runtime(base, store=store_with(folder / "leak", engine), cache_tokens=1024) as runtime:
        runtime.engine._scheduler.cache._blank.pop(0)
        assert runtime.generate("hello", max_tokens=2).text is not None
        wait_for(lambda: runtime.failure)
        assert runtime.failure == "its cache is out of order (a block is lost)"
        with pytest.raises(Stopped, match="out of order"):
            runtime.generate("hello", max_tokens=2)
