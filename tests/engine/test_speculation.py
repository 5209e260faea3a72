"""Guessing ahead changes no answer, whoever guesses and however well; and good guesses save passes."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.engine.engine import Engine, Request, Sampling
from runtime.engine.speculation.ngram import Lookup
from tests.engine.records import random_records
from tests.engine.test_engine import prompt

KINDS = ("ngram", "base")
RULES = [
    Sampling(),
    Sampling(temperature=0.8, seed=5),
    Sampling(temperature=1.3, top_p=0.8, top_k=40, seed=6),
    Sampling(repetition_penalty=1.3, frequency_penalty=0.5),
]


@pytest.fixture(scope="module")
def loaded(base: Path) -> Engine:
    engine = Engine.load(base, max_batch=8, cache_tokens=2048)
    for kind, record in random_records().items():
        engine.attach(kind, record, kind)
    return engine


@pytest.fixture
def engine(loaded: Engine) -> Iterator[Engine]:
    loaded.tokenizer.eos_ids = frozenset()
    loaded.speculation.guessed = loaded.speculation.right = 0
    yield loaded
    loaded.check()
    assert not loaded.busy


def _requests(kind: str | None) -> list[Request]:
    """A text that repeats itself, so that there is something to look up."""
    adapters = [None, "lora", "dora", "ia3", "lokr"]
    return [
        Request(prompt(12, number) * 3, 24, adapter=adapters[number % 5], sampling=RULES[number % 4], speculate=kind)
        for number in range(10)
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_answers_are_those_of_plain_decoding(engine: Engine, kind: str) -> None:
    plain = engine.generate(_requests("none"))
    assert not engine.speculation.guessed
    guessed = engine.generate(_requests(kind))
    assert engine.speculation.guessed > 0
    assert [(each.tokens, each.text) for each in guessed] == [(each.tokens, each.text) for each in plain]


@pytest.mark.parametrize("kind", KINDS)
def test_answers_under_a_grammar_are_those_of_plain_decoding(engine: Engine, kind: str) -> None:
    engine.tokenizer.eos_ids = frozenset({2})
    grammar = engine.compile_grammar(
        'root ::= "[" item (", " item){3,5} "]"\nitem ::= "\\"the quick fox\\"" | "\\"the lazy dog\\""'
    )
    found = {
        each: engine.generate([Request(prompt(9), 120, "lora", rules, grammar, speculate=each) for rules in RULES])
        for each in ("none", kind)
    }
    assert [each.text for each in found[kind]] == [each.text for each in found["none"]]
    assert all(len(json.loads(each.text)) >= 4 for each in found[kind])
    assert engine.speculation.right > 20, "the same words again are easily guessed"


@pytest.mark.parametrize("kind", KINDS)
def test_ends_stops_and_lengths_are_met_in_the_middle_of_a_guess(engine: Engine, kind: str) -> None:
    bias = tuple((token, 60.0) for token in (40, 41, 42))
    rules = Sampling(temperature=1.0, seed=2, logit_bias=bias)
    free = engine.generate([Request(prompt(9), 40, "lora", rules)])[0]
    stop = free.text[20:23]
    for options in ({"stop_tokens": (free.tokens[12],)}, {"stop": (stop,)}, {"n": 3}, {"logprobs": 2}):
        results = [
            engine.generate_all([Request(prompt(9), 33, "lora", rules, speculate=each, **options)])[0]  # type: ignore[arg-type]
            for each in ("none", kind)
        ]
        mine, known = results
        assert [(e.tokens, e.text, e.finish_reason) for e in mine] == [
            (e.tokens, e.text, e.finish_reason) for e in known
        ]
        for a, b in zip(mine, known, strict=True):
            assert [x.token for x in a.logprobs] == [x.token for x in b.logprobs]
            assert [x.logprob for x in a.logprobs] == pytest.approx([x.logprob for x in b.logprobs], abs=1e-4)


def test_right_guesses_save_passes(engine: Engine) -> None:
    """A text that is forced to repeat one token: after a few, each pass of the model gives many."""
    rules = Sampling(logit_bias=((77, 100.0),))
    engine.submit(Request(prompt(5), 60, sampling=rules, speculate="ngram", id="a"))
    steps = 0
    while engine.busy:
        engine.step()
        steps += 1
    assert steps < 15 and engine.speculation.right == 60 - steps


def test_guessing_takes_no_memory_from_others(base: Path, engine: Engine) -> None:
    cramped = Engine.load(base, cache_tokens=96, max_batch=5, step_tokens=9, speculate="ngram")
    cramped.tokenizer.eos_ids = frozenset()
    requests = [Request(prompt(8, number) * 2, 30, sampling=RULES[number % 2]) for number in range(5)]
    assert [each.tokens for each in cramped.generate(requests)] == [each.tokens for each in engine.generate(requests)]
    assert cramped.speculation.guessed > 0
    cramped.check()


def test_the_bases_own_cache_is_given_back(engine: Engine) -> None:
    drafter = engine.speculation.drafters["base"]
    engine.generate(_requests("base"))
    cache = drafter._cache  # type: ignore[attr-defined]
    assert cache.available == cache.count - 1


def test_a_lookup_trusts_longer_matches_first() -> None:
    lookup = Lookup()
    assert lookup.guess([1, 2, 3, 4], 4) == []
    assert lookup.guess([1, 2, 3, 4, 9, 2, 3, 5, 1, 2, 3], 2) == [4, 9]
    assert lookup.guess([1, 2, 3, 4, 9, 2, 3, 5, 1, 2, 3, 7, 2, 3], 3) == [7, 2, 3]
