"""Several answers to one prompt: computed once, its blocks shared until somebody writes; and the best of many."""

from pathlib import Path

import pytest

from runtime.engine.engine import Engine, Request, Sampling
from runtime.engine.errors import RequestRefused
from tests.engine.test_engine import prompt

DRAWN = Sampling(temperature=1.0, seed=40)


@pytest.fixture(scope="module")
def engine(base: Path) -> Engine:
    engine = Engine.load(base, max_batch=8)
    engine.tokenizer.eos_ids = frozenset()
    return engine


def test_answers_are_those_of_requests_with_the_next_seeds(engine: Engine) -> None:
    """Prompts that end in the middle of a block, at its end, and before the first one is full."""
    for size in (5, 16, 17, 47):
        together = engine.generate_all([Request(prompt(size), 20, n=4, sampling=DRAWN)])[0]
        alone = engine.generate(
            [Request(prompt(size), 20, sampling=Sampling(temperature=1.0, seed=40 + number)) for number in range(4)]
        )
        assert [each.tokens for each in together] == [each.tokens for each in alone]
        assert len({each.text for each in together}) == 4
        engine.check()


def test_the_prompt_is_computed_once_and_its_blocks_are_shared(base: Path) -> None:
    engine = Engine.load(base, max_batch=8)
    engine.tokenizer.eos_ids = frozenset()
    engine.submit(Request(prompt(40), 20, n=6, sampling=DRAWN))
    engine.step()
    free = engine._scheduler.cache.available
    assert engine._scheduler.cache.count - 1 - free == 3, "three blocks for 40 tokens, whoever reads them"
    engine.step()
    # Each answer wrote its first token beside the prompt's last 8: five copied that block, the sixth kept it.
    assert free - engine._scheduler.cache.available == 5
    engine.check()
    while engine.busy:
        engine.step()
    engine.check()


def test_answers_without_a_seat_wait_and_are_the_same(base: Path, engine: Engine) -> None:
    cramped = Engine.load(base, max_batch=2, cache_tokens=80)
    cramped.tokenizer.eos_ids = frozenset()
    request = Request(prompt(20), 30, n=5, sampling=DRAWN)
    assert [each.tokens for each in cramped.generate_all([request])[0]] == [
        each.tokens for each in engine.generate_all([request])[0]
    ]
    cramped.check()


def test_each_answer_has_its_own_grammar_stops_and_penalties(engine: Engine) -> None:
    engine.tokenizer.eos_ids = frozenset({2})
    grammar = engine.compile_grammar('root ::= [a-z]{3,9} "!"')
    rules = Sampling(temperature=1.5, seed=3, presence_penalty=2.0)
    found = engine.generate_all([Request(prompt(9), 30, n=5, grammar=grammar, sampling=rules)])[0]
    engine.tokenizer.eos_ids = frozenset()
    assert len({each.text for each in found}) > 1
    for each in found:
        assert each.finish_reason == "stop" and each.text.endswith("!") and 4 <= len(each.text) <= 10


def test_streamed_answers_come_side_by_side(engine: Engine) -> None:
    request = Request(prompt(9), 10, n=3, sampling=DRAWN)
    texts = {0: "", 1: "", 2: ""}
    events = list(engine.stream(request))
    for event in events:
        texts[event.choice] += event.text
    assert [event.over for event in events] == [False] * (len(events) - 1) + [True]
    expected = {place: each.text for place, each in enumerate(engine.generate_all([request])[0])}
    assert texts == expected


def test_the_best_of_many_are_the_likeliest_by_token(engine: Engine) -> None:
    everyone = engine.generate_all([Request(prompt(9), 10, n=6, sampling=DRAWN, logprobs=0)])[0]
    best = engine.generate_all([Request(prompt(9), 10, n=2, best_of=6, sampling=DRAWN)])[0]
    means = {tuple(each.tokens): sum(one.logprob for one in each.logprobs) / 10 for each in everyone}
    expected = sorted(means, key=lambda tokens: -means[tokens])[:2]
    assert [tuple(each.tokens) for each in best] == expected
    assert [each.score for each in best] == pytest.approx([means[tokens] for tokens in expected])
    assert not best[0].logprobs, "nobody asked to be told"


def test_cancelling_ends_all_answers(engine: Engine) -> None:
    engine.submit(Request(prompt(9), 30, n=3, id="many"))
    for _ in range(3):
        engine.step()
    engine.cancel("many")
    events = engine.step()
    assert [event.choice for event in events] == [0, 1, 2] and events[-1].over
    assert all(event.result is not None and event.result.finish_reason == "cancelled" for event in events)
    engine.check()
    assert not engine.busy


def test_a_prompt_of_one_token_forks_too(engine: Engine) -> None:
    found = engine.generate_all([Request([9], 5, n=3, sampling=DRAWN)])[0]
    assert len({tuple(each.tokens) for each in found}) == 3


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (Request(prompt(4), 5, n=0), "n is 0"),
        (Request(prompt(4), 5, n=65), "n is 65"),
        (Request(prompt(4), 5, n=3, best_of=2), "best_of is 2"),
        (Request(prompt(4), 5, logprobs=21), "logprobs is 21"),
        (Request(prompt(4), 5, priority=1 << 40), "priority is"),
        (Request(prompt(4), 5, stop_tokens=(512,)), "stop token 512"),
        (Request(prompt(4), 5, stop_tokens=(1,) * 65), "at most 64"),
        (Request(prompt(4), 5, speculate="x"), "speculate is 'x'"),
    ],
)
def test_what_makes_no_sense_is_refused(engine: Engine, request_: Request, words: str) -> None:
    with pytest.raises(RequestRefused, match=words):
        engine.submit(request_)
