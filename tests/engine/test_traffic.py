"""Everything at once: mixed adapters, answers, beams, guesses, priorities and failures; each request as if it were alone."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.artifact.slots import Slot, SlotRecord
from runtime.engine.engine import BeamRules, Engine, Request, Result, Sampling
from runtime.engine.grammar import Matcher
from tests.engine.records import random_records
from tests.engine.test_engine import prompt
from tests.tiny import tiny_base

ADAPTERS = [None, "lora", "dora", "ia3", "lokr"]


def _load(base: Path, **options: Any) -> Engine:
    engine = Engine.load(base, **options)
    for kind, record in random_records().items():
        engine.attach(kind, record, kind)
    engine.tokenizer.eos_ids = frozenset()
    return engine


@pytest.fixture(scope="module")
def engine(base: Path) -> Engine:
    return _load(base, cache_tokens=4096)


def test_greedy_answers_of_mixed_adapters_are_the_same_alone_and_among_63_others(base: Path, engine: Engine) -> None:
    requests = [
        Request(prompt(3 + number % 29, number), 6 + number % 11, adapter=ADAPTERS[number % 5], priority=number % 3)
        for number in range(64)
    ]
    crowd = _load(base, max_batch=64, step_tokens=70, cache_tokens=4096)
    together = [result.tokens for result in crowd.generate(requests)]
    for request, tokens in list(zip(requests, together, strict=True))[::3]:
        engine._scheduler.cache.forget()
        assert engine.generate([request])[0].tokens == tokens
    crowd.check()


def test_logits_of_a_row_hardly_depend_on_the_batch(engine: Engine) -> None:
    """What makes the test above true: a row's sums differ by rounding alone, whatever shares the step with it."""
    request = Request(prompt(20), 2, adapter="dora", logprobs=5)
    alone = engine.generate([request])[0]
    others = [Request(prompt(7 + number, number), 4, adapter=ADAPTERS[number % 5]) for number in range(15)]
    among = engine.generate([*others, request])[-1]
    for mine, known in zip(among.logprobs, alone.logprobs, strict=True):
        assert mine.token == known.token
        assert [value for _, value in mine.top] == pytest.approx([value for _, value in known.top], abs=1e-4)


def _any_request(draw: random.Random) -> Request:
    rules = draw.choice([Sampling(), Sampling(temperature=1.0, seed=draw.randint(0, 9), frequency_penalty=0.3)])
    options: dict[str, Any] = draw.choice(
        [
            {},
            {"speculate": "ngram"},
            {"speculate": "base"},
            {"n": 3},
            {"n": 2, "best_of": 3, "speculate": "ngram"},
            {"beams": BeamRules(2), "n": 2},
            {"logprobs": 2},
        ]
    )
    if "beams" in options:
        rules = Sampling()
    tokens = prompt(draw.randint(1, 20), draw.randint(0, 3)) * draw.randint(1, 2)
    return Request(
        tokens,
        draw.randint(1, 16),
        adapter=draw.choice(ADAPTERS),
        sampling=rules,
        priority=draw.choice([0, 0, 1, -1]),
        **options,
    )


@given(st.integers(0, 10**6))
@settings(max_examples=8, deadline=None)
def test_any_traffic_in_little_memory_gives_each_request_its_own_answers(seed: int) -> None:
    draw = random.Random(seed)
    cramped, roomy = _engines()
    asked = {request.id: request for request in (_any_request(draw) for _ in range(10))}
    waiting = list(asked.values())
    found: dict[str, dict[int, Result]] = {id: {} for id in asked}
    cancelled: set[str] = set()
    over: set[str] = set()
    while waiting or cramped.busy:
        while waiting and draw.random() < 0.5:
            cramped.submit(waiting.pop())
        if draw.random() < 0.03:
            cancelled.add(draw.choice(list(asked)))
            cramped.cancel(max(cancelled))
        for event in cramped.step():
            assert event.id not in over, "news of a request that was over"
            if event.result is not None:
                found[event.id][event.choice] = event.result
            if event.over:
                over.add(event.id)
        cramped.check()
    assert over == set(asked)
    for id, request in asked.items():
        known = dict(enumerate(roomy.generate_all([request])[0]))
        for choice, result in found[id].items():
            if result.finish_reason != "cancelled":
                assert result.tokens == known[choice].tokens
                assert result.score == pytest.approx(known[choice].score, abs=1e-3)
        assert id in cancelled or found[id].keys() == known.keys()
    roomy.check()


class Breaking(Matcher):
    """A real grammar that fails in the middle of an answer as no grammar should: it raises."""

    def __init__(self, inner: Any, left: int) -> None:
        super().__init__(inner)
        self._left = left

    @property
    def inner(self) -> Any:
        self._left -= 1
        if self._left < 0:
            raise RuntimeError("the parser lost its way\nstate: ...")
        return self._inner

    @inner.setter
    def inner(self, value: Any) -> None:
        self._inner = value


def _unchanged_beside(engine: Engine, harm: Callable[[], Request], words: str) -> None:
    """A bad request ends with its reason, in the middle of the others, who finish as they would have alone."""
    good = [
        Request(prompt(5, number), 8, adapter=ADAPTERS[number % 5], n=1 + number % 2, sampling=rules)
        for number, rules in enumerate([Sampling(), Sampling(temperature=1.0, seed=1)] * 3)
    ]
    expected = [[each.tokens for each in results] for results in engine.generate_all(good)]
    bad = harm()
    results = engine.generate_all([*good[:3], bad, *good[3:]])
    assert {each.finish_reason for each in results[3]} == {"error"}
    assert all(words in str(each.error) and "\n" not in str(each.error) for each in results[3])
    assert [[each.tokens for each in answers] for answers in results[:3] + results[4:]] == expected
    engine.check()
    assert not engine.busy


@pytest.mark.parametrize("left", [0, 3, 4, 7])
@pytest.mark.parametrize("options", [{}, {"n": 3}, {"speculate": "ngram"}, {"beams": BeamRules(2)}])
def test_a_grammar_that_raises_ends_its_own_request(engine: Engine, left: int, options: dict[str, Any]) -> None:
    engine.tokenizer.eos_ids = frozenset({2})
    grammar = engine.compile_grammar("root ::= [a-z]+")
    engine.tokenizer.eos_ids = frozenset()

    class Broken(type(grammar)):  # type: ignore[misc]
        def start(self) -> Matcher:
            return Breaking(self._start.deep_copy(), left)

    broken = Broken(grammar.source, grammar._start)
    _unchanged_beside(engine, lambda: Request(prompt(4), 9, grammar=broken, **options), "the parser lost its way")


@pytest.mark.parametrize("options", [{}, {"n": 3}, {"beams": BeamRules(3)}, {"speculate": "base"}])
def test_logits_that_are_no_numbers_end_their_own_request(engine: Engine, options: dict[str, Any]) -> None:
    """An adapter whose numbers are finite, and whose products are not."""
    huge = Slot(a=torch.full((1, 64), 1e30), b=torch.full((96, 1), 1e30))
    engine.attach("huge", SlotRecord("lora", {"model.layers.1.mlp.up_proj": huge}), "huge")
    try:
        _unchanged_beside(engine, lambda: Request(prompt(4), 9, adapter="huge", **options), "not finite")
    finally:
        engine.detach("huge")


@pytest.mark.parametrize("options", [{"n": 2}, {"beams": BeamRules(2), "n": 2}, {"speculate": "ngram"}])
def test_running_out_of_memory_ends_its_own_request(engine: Engine, options: dict[str, Any]) -> None:
    """Where the allocator fails for long prompts alone."""
    forward = engine.model.forward

    def failing(batch: Any, pages: Any) -> torch.Tensor:
        if len(batch.tokens) > 100:
            raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 GiB.\nstack")
        return forward(batch, pages)

    engine.model.forward = failing  # type: ignore[method-assign]
    try:
        _unchanged_beside(engine, lambda: Request(prompt(120), 9, **options), "CUDA out of memory")
    finally:
        engine.model.forward = forward  # type: ignore[method-assign]


def test_an_answer_that_fails_while_its_siblings_are_computed_again_takes_them_along(base: Path) -> None:
    """Two of three answers were preempted and have whole chunks to compute when memory runs out for the first."""
    engine = _load(base, cache_tokens=256, max_batch=8)
    other = Request(prompt(9, 3), 30)
    (expected,) = engine.generate([other])
    engine.submit(Request(prompt(62), 30, n=3, sampling=Sampling(temperature=1.0, seed=1), id="bad"))
    engine.submit(Request(other.tokens, 30, id="good"))
    for _ in range(4):
        engine.step()
    for sequence in engine._scheduler.running[1:3]:
        engine._scheduler._preempt(sequence)
    engine._scheduler.cache.forget()
    forward, failures = engine.model.forward, iter([True, True])

    def failing(batch: Any, pages: Any) -> torch.Tensor:
        if next(failures, False):
            raise RuntimeError("out of memory")
        return forward(batch, pages)

    engine.model.forward = failing  # type: ignore[method-assign]
    told: list[Any] = []
    while engine.busy:
        told += engine.step()
        engine.check()
    results = {(event.id, event.choice): event.result for event in told if event.result is not None}
    assert [results["bad", choice].finish_reason for choice in range(3)] == ["error"] * 3
    assert results["good", 0].tokens == expected.tokens


_made: list[Engine] = []


def _engines() -> Sequence[Engine]:
    """A cramped engine and a roomy one, made once."""
    if not _made:
        import tempfile

        with tempfile.TemporaryDirectory() as directory:
            base = tiny_base(directory)
            _made.append(_load(base, cache_tokens=128, max_batch=5, step_tokens=9))
            _made.append(_load(base, cache_tokens=4096))
    return _made
