"""Requests in, tokens out: batching, preemption, stopping, streaming, and one bad request among good ones."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.engine.engine import Engine, Event, Request, Result, Sampling
from runtime.engine.errors import RequestRefused
from tests.tiny import tiny_base

VOCABULARY = 512


@pytest.fixture
def engine(base: Path) -> Iterator[Engine]:
    """An engine that only a request's own rules can stop."""
    engine = _endless(Engine.load(base, max_batch=16))
    yield engine
    engine.check()
    assert not engine.busy


def prompt(size: int, salt: int = 0) -> list[int]:
    return [(place * 31 + salt * 7 + 5) % 440 + 3 for place in range(size)]


def test_a_request_answers_the_same_alone_and_among_63_others(base: Path) -> None:
    rules = [Sampling(), Sampling(temperature=0.9, seed=1), Sampling(temperature=1.2, top_p=0.7, top_k=30, seed=2)]
    requests = [
        Request(prompt(1 + number % 23, number), 6 + number % 9, sampling=rules[number % 3]) for number in range(64)
    ]
    engine = _endless(Engine.load(base, max_batch=64, step_tokens=50, cache_tokens=1024))
    together = engine.generate(requests)
    for request, result in zip(requests, together, strict=True):
        (alone,) = engine.generate([request])
        assert (alone.tokens, alone.text) == (result.tokens, result.text)
        assert len(alone.tokens) == request.max_tokens


@given(st.data())
@settings(max_examples=25, deadline=None)
def test_any_traffic_gives_each_request_its_own_answer(data: st.DataObject) -> None:
    """Little memory, tiny steps, random arrivals and cancellations: preempted requests lose nothing, blocks add up."""
    engine, reference = _engines()
    draw = random.Random(data.draw(st.integers(0, 10**6)))
    waiting = [Request(prompt(draw.randint(1, 40), draw.randint(0, 3)), draw.randint(1, 20)) for _ in range(12)]
    asked = {request.id: request for request in waiting}
    results: dict[str, Result] = {}
    while waiting or engine.busy:
        while waiting and draw.random() < 0.4:
            engine.submit(waiting.pop())
        if draw.random() < 0.05:
            engine.cancel(draw.choice(list(asked)))
        results |= {event.id: event.result for event in engine.step() if event.result is not None}
        engine.check()
    assert results.keys() == asked.keys()
    for id, result in results.items():
        known = reference.generate([Request(asked[id].tokens, asked[id].max_tokens)])[0]
        if result.finish_reason == "cancelled":
            assert result.tokens == known.tokens[: len(result.tokens)]
        else:
            assert (result.tokens, result.text, result.finish_reason) == (known.tokens, known.text, "length")


def test_requests_that_do_not_fit_together_take_turns(base: Path) -> None:
    """Three requests of 56 tokens in a cache of 80: somebody is preempted, nobody notices."""
    engine = _endless(Engine.load(base, cache_tokens=80, max_batch=4))
    requests = [Request(prompt(16, number), 40, sampling=Sampling(temperature=1.0, seed=9)) for number in range(3)]
    results = engine.generate(requests)
    assert engine._scheduler.preempted > 0
    roomy = _endless(Engine.load(base)).generate(requests)
    assert [each.tokens for each in results] == [each.tokens for each in roomy]
    engine.check()


def test_a_shared_beginning_is_computed_once(engine: Engine) -> None:
    system = prompt(70)
    first, second = (engine.generate([Request([*system, salt + 9], 4)])[0] for salt in range(2))
    assert (first.usage.cached_tokens, second.usage.cached_tokens) == (0, 64)
    follow_up = [*system, 9, *first.tokens, *prompt(20, 5)]
    third = engine.generate([Request(follow_up, 4)])[0]
    assert third.usage.cached_tokens == 64
    assert third.tokens == _fresh(engine).generate([Request(follow_up, 4)])[0].tokens


def test_an_end_token_ends_and_is_not_part_of_the_answer(base: Path) -> None:
    engine = _endless(Engine.load(base))
    free = engine.generate([Request(prompt(9), 12)])[0]
    engine.tokenizer.eos_ids = frozenset({free.tokens[5]})
    at = free.tokens.index(free.tokens[5])
    result = engine.generate([Request(prompt(9), 12)])[0]
    assert result.finish_reason == "stop" and result.tokens == free.tokens[:at]
    assert result.usage.completion_tokens == at + 1
    assert result.text == engine.tokenizer.decode(free.tokens[:at])


def test_a_stop_string_ends_the_text_wherever_tokens_are_cut(base: Path) -> None:
    """The string may begin inside one token and end inside another; nothing of it is ever shown."""
    engine = _endless(Engine.load(base))
    rules = Sampling(temperature=1.5, seed=11)
    text = engine.generate([Request(prompt(9), 60, sampling=rules)])[0].text
    for start in range(0, 40, 3):
        for size in (1, 2, 5):
            stop = text[start : start + size]
            events = list(engine.stream(Request(prompt(9), 60, sampling=rules, stop=(stop, "\x00never"))))
            shown, result = _shown(events), events[-1].result
            assert result is not None
            assert shown == result.text == text[: text.index(stop)]
            assert result.finish_reason == "stop"


def test_text_held_back_for_a_stop_string_comes_in_the_end(base: Path) -> None:
    engine = _endless(Engine.load(base))
    free = engine.generate([Request(prompt(9), 10)])[0]
    events = list(engine.stream(Request(prompt(9), 10, stop=(free.text[-3:] + "more",))))
    result = events[-1].result
    assert result is not None and _shown(events) == result.text == free.text


def test_streamed_pieces_are_the_text(engine: Engine) -> None:
    for seed in range(8):
        request = Request(prompt(5), 30, sampling=Sampling(temperature=2.0, seed=seed))
        events = list(engine.stream(request))
        result = events[-1].result
        assert result is not None
        assert _shown(events) == result.text == engine.tokenizer.decode(result.tokens)
        assert [event.token for event in events if event.token is not None] == result.tokens


def test_leaving_a_stream_cancels_it_and_disturbs_nobody(engine: Engine) -> None:
    engine.submit(Request(prompt(7), 9, id="other"))
    for number, _ in enumerate(engine.stream(Request(prompt(5), 30))):
        if number == 2:
            break
    told = []
    while engine.busy:
        told += engine.step()
    assert {event.id for event in told} == {"other"}
    result = told[-1].result
    assert result is not None and result.tokens == [event.token for event in told if event.token is not None]


def test_generate_keeps_the_news_of_others(engine: Engine) -> None:
    engine.submit(Request(prompt(7), 3, id="other"))
    assert engine.generate([Request(prompt(5), 12)])[0].finish_reason == "length"
    assert [event.id for event in engine.step()] == ["other"] * 4


def test_cancelling_twice_or_too_late_is_no_error(engine: Engine) -> None:
    engine.submit(Request(prompt(5), 5, id="a"))
    engine.step()
    engine.cancel("a")
    engine.cancel("a")
    engine.cancel("never")
    (event,) = engine.step()
    assert event.result is not None and event.result.finish_reason == "cancelled" and len(event.result.tokens) == 1


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "an empty prompt": ({"tokens": []}, "empty"),
    "an id beyond the vocabulary": ({"tokens": [5, VOCABULARY]}, "token id 512 is not in"),
    "a negative id": ({"tokens": [-1]}, "token id -1"),
    "an id that is no number": ({"tokens": [5, "x"]}, "token id 'x'"),
    "a prompt beyond the context": ({"tokens": [5] * 512}, "has 512 tokens"),
    "no room to answer": ({"max_tokens": 0}, "max_tokens is 0"),
    "an unknown adapter": ({"adapter": "absent"}, "no adapter 'absent'"),
    "NaN as temperature": ({"sampling": Sampling(temperature=float("nan"))}, "temperature is nan"),
    "a million stop strings": ({"stop": ("x",) * 10**6}, "at most 64"),
    "stop strings that are no list": ({"stop": "abc"}, "at most 64"),
    "a temperature that is no number": ({"sampling": Sampling(temperature="hot")}, "temperature is 'hot'"),  # type: ignore[arg-type]
    "a seed of a million digits": ({"sampling": Sampling(seed=10**4000)}, "seed is a number too long"),
    "tokens that are no list": ({"tokens": None}, "empty"),
    "an empty stop string": ({"stop": ("",)}, "1 to 256 characters"),
    "a stop string of a megabyte": ({"stop": ("x" * 10**6,)}, "1 to 256 characters"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_request_is_refused_and_the_others_finish_unchanged(engine: Engine, name: str) -> None:
    change, words = BAD[name]
    good = [Request(prompt(5, number), 5) for number in range(2)]
    expected = [result.tokens for result in engine.generate(good)]
    told: dict[str, Any] = {"tokens": prompt(4), "max_tokens": 5} | change
    bad = Request(**told)
    first, refused, last = engine.generate([good[0], bad, good[1]])
    assert [first.tokens, last.tokens] == expected
    assert refused.finish_reason == "error" and words in str(refused.error)
    with pytest.raises(Exception, match=words):
        engine.submit(bad)


def test_two_requests_cannot_have_one_id(engine: Engine) -> None:
    engine.submit(Request(prompt(3), 2, id="a"))
    with pytest.raises(RequestRefused, match="already running"):
        engine.submit(Request(prompt(3), 2, id="a"))
    while engine.busy:
        engine.step()


def test_a_prompt_larger_than_the_cache_is_refused_and_an_answer_ends_where_the_cache_does(base: Path) -> None:
    engine = _endless(Engine.load(base, cache_tokens=64))
    with pytest.raises(RequestRefused, match="takes 63"):
        engine.submit(Request(prompt(64), 1))
    result = engine.generate([Request(prompt(50), 100)])[0]
    assert result.finish_reason == "length" and len(result.tokens) == 14
    engine.check()


def test_a_failure_in_mid_batch_ends_the_request_it_belongs_to(engine: Engine) -> None:
    """Whatever torch raises (here: out of memory for long prompts), the rest of the batch goes on."""
    forward = engine.model.forward

    def failing(batch: Any, pages: Any) -> torch.Tensor:
        if len(batch.tokens) > 60:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 99 bytes\nstack")
        return forward(batch, pages)

    good = [Request(prompt(5, number), 6) for number in range(3)]
    expected = [result.tokens for result in engine.generate(good)]
    engine.model.forward = failing  # type: ignore[method-assign]
    results = engine.generate([good[0], good[1], Request(prompt(90, 4), 6), good[2]])
    assert [results[place].tokens for place in (0, 1, 3)] == expected
    assert results[2].finish_reason == "error"
    assert (
        results[2].error
        == "the computation failed: DefaultCPUAllocator: can't allocate memory: you tried to allocate 99 bytes."
    )


def test_last_logits_disturbs_nothing_and_checks_its_tokens(engine: Engine) -> None:
    engine.submit(Request(prompt(20), 6, id="a"))
    engine.step()
    before = engine._runner.pages.data.clone()
    engine.last_logits(prompt(33))
    assert torch.equal(before, engine._runner.pages.data)
    for tokens in ([], [VOCABULARY], [5] * 513):
        with pytest.raises(RequestRefused):
            engine.last_logits(tokens)
    assert len(engine.last_logits([5] * 512)) == VOCABULARY
    while engine.busy:
        engine.step()


def test_the_repetition_penalty_counts_prompt_and_answer(engine: Engine) -> None:
    strong = Sampling(repetition_penalty=100.0)
    tokens = engine.generate([Request(prompt(20), 40, sampling=strong), Request(prompt(20), 40)])[0].tokens
    assert len(set(tokens)) == len(tokens) and not set(tokens) & set(prompt(20))


def test_an_engine_knows_what_it_runs(base: Path, engine: Engine) -> None:
    from runtime.engine.base import base_digest, tokenizer_digest

    assert (engine.base_digest, engine.tokenizer_digest) == (base_digest(base), tokenizer_digest(base))


def _endless(engine: Engine) -> Engine:
    engine.tokenizer.eos_ids = frozenset()
    return engine


def _fresh(engine: Engine) -> Engine:
    """The same base with an empty cache."""
    other = Engine(engine.model, engine.tokenizer, digests=("", ""), cache_tokens=2048, max_batch=4, step_tokens=1024)
    return other


def _shown(events: list[Event]) -> str:
    return "".join(event.text for event in events)


_made: list[Engine] = []


def _engines() -> tuple[Engine, Engine]:
    """A cramped engine and a roomy one, made once."""
    if not _made:
        import tempfile

        with tempfile.TemporaryDirectory() as directory:
            base = tiny_base(directory)
            _made.append(_endless(Engine.load(base, cache_tokens=96, max_batch=5, step_tokens=9)))
            _made.append(_endless(Engine.load(base)))
    return _made[0], _made[1]
