"""Beam search: the hypotheses of transformers, in their order, with their scores; and under a grammar."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from runtime.engine.engine import BeamRules, Engine, Request, Sampling
from runtime.engine.errors import RequestRefused
from tests.engine.test_engine import prompt


@pytest.fixture(scope="module")
def engine(base: Path) -> Engine:
    return Engine.load(base)


@pytest.fixture(scope="module")
def theirs(base: Path) -> Any:
    from transformers import AutoModelForCausalLM

    loader: Any = AutoModelForCausalLM
    return loader.from_pretrained(base, dtype=torch.float32).eval()


@pytest.mark.parametrize("penalty", [0.0, 1.0, 2.5, -1.0])
@pytest.mark.parametrize("early", [False, True, "never"])
def test_hypotheses_and_scores_are_those_of_transformers(
    engine: Engine, theirs: Any, penalty: float, early: bool | str
) -> None:
    """End tokens are made likely (ids that random beams meet), so that answers of many lengths compete."""
    for salt, width in ((0, 2), (1, 3), (2, 5)):
        tokens = prompt(11 + salt, salt)
        ends = _likely(engine, tokens)
        engine.tokenizer.eos_ids = frozenset(ends)
        rules = BeamRules(width, penalty, early)
        found = engine.generate_all([Request(tokens, 9, beams=rules, n=width)])[0]
        told = theirs.generate(
            torch.tensor([tokens]),
            attention_mask=torch.ones(1, len(tokens), dtype=torch.int64),
            num_beams=width,
            num_return_sequences=width,
            length_penalty=penalty,
            early_stopping=early,
            max_new_tokens=9,
            do_sample=False,
            eos_token_id=ends,
            pad_token_id=ends[0],
            return_dict_in_generate=True,
            output_scores=True,
        )
        expected = [_cut(row[len(tokens) :].tolist(), ends) for row in told.sequences]
        assert [result.tokens for result in found] == expected
        scores = [result.score for result in found]
        torch.testing.assert_close(torch.tensor(scores), told.sequences_scores, rtol=1e-4, atol=1e-4)
    engine.check()


def test_one_beam_is_greedy(engine: Engine) -> None:
    engine.tokenizer.eos_ids = frozenset()
    request = Request(prompt(9), 12)
    beams = Request(prompt(9), 12, beams=BeamRules(1))
    greedy, one = engine.generate([request, beams])
    assert one.tokens == greedy.tokens and one.finish_reason == "length"


def test_beams_under_a_grammar_are_likelier_than_its_greedy_answer(engine: Engine) -> None:
    engine.tokenizer.eos_ids = frozenset({2})
    grammar = engine.compile_grammar('root ::= "{\\"" [a-c]+ "\\": " [0-9]{1,3} "}"')
    plain = Request(prompt(9), 30, grammar=grammar, logprobs=0)
    beams = Request(prompt(9), 30, grammar=grammar, logprobs=0, beams=BeamRules(4, 0.0, "never"), n=4)
    (greedy,), found = engine.generate_all([plain, beams])
    assert len({result.text for result in found}) == len(found) >= 2
    for result in found:
        assert isinstance(json.loads(result.text), dict)
        total = sum(each.logprob for each in result.logprobs)
        assert result.score == pytest.approx(total, abs=1e-4)
    assert found[0].score is not None and greedy.finish_reason == "stop"
    assert found[0].score >= sum(each.logprob for each in greedy.logprobs) - 1e-4
    engine.check()


def test_a_grammar_with_fewer_answers_than_beams_gives_those(engine: Engine) -> None:
    engine.tokenizer.eos_ids = frozenset({2})
    grammar = engine.compile_grammar('root ::= "yes" | "no"')
    found = engine.generate_all([Request(prompt(9), 30, grammar=grammar, beams=BeamRules(5), n=5)])[0]
    assert {result.text for result in found} == {"yes", "no"}


def test_beams_beside_others_and_without_room_find_the_same(base: Path, engine: Engine) -> None:
    """Two searches and three answers in a cache for less than half of it all: beams are preempted, and nobody notices."""
    engine.tokenizer.eos_ids = frozenset()
    requests = [
        Request(prompt(20, 1), 24, beams=BeamRules(3), n=3),
        Request(prompt(20, 2), 24, n=3, sampling=Sampling(temperature=1.0, seed=4)),
        Request(prompt(20, 3), 24, beams=BeamRules(2, 0.5), n=2),
    ]
    cramped = Engine.load(base, cache_tokens=144, max_batch=8)
    cramped.tokenizer.eos_ids = frozenset()
    expected = [engine.generate_all([request])[0] for request in requests]
    found = cramped.generate_all(requests)
    assert cramped._scheduler.preempted > 0
    for mine, known in zip(found, expected, strict=True):
        assert [result.tokens for result in mine] == [result.tokens for result in known]
    cramped.check()


def test_a_stop_string_ends_a_hypothesis(engine: Engine) -> None:
    engine.tokenizer.eos_ids = frozenset()
    free = engine.generate([Request(prompt(9), 12, beams=BeamRules(3))])[0]
    stop = free.text[2:4]
    found = engine.generate_all([Request(prompt(9), 12, beams=BeamRules(3), n=3, stop=(stop,))])[0]
    assert all(stop not in result.text for result in found)
    assert any(result.finish_reason == "stop" for result in found)


@pytest.mark.parametrize("length", [1, 2, 3])
def test_no_answer_says_the_same_tokens_in_a_row_twice(engine: Engine, length: int) -> None:
    engine.tokenizer.eos_ids = frozenset()
    free, bound = engine.generate_all(
        [Request(prompt(9), 40, beams=BeamRules(3, no_repeat=rule), n=3) for rule in (None, length)]
    )
    assert any(_again(result.tokens, length) for result in free)  # a small model goes in circles
    assert len(bound) == 3 and not any(_again(result.tokens, length) for result in bound)
    for result in bound:
        assert result.score is not None and math.isfinite(result.score)
    engine.check()


def test_a_grammar_that_leaves_only_what_was_said_ends_the_search(engine: Engine) -> None:
    engine.tokenizer.eos_ids = frozenset({2})
    grammar = engine.compile_grammar('root ::= "ab" "ab" "ab"')
    ((nothing,),) = engine.generate_all([Request(prompt(9), 30, grammar=grammar, beams=BeamRules(2, no_repeat=1), n=2)])
    assert nothing.finish_reason == "error" and nothing.error == "no beam came to an end."
    engine.check()


def test_a_search_can_be_cancelled(engine: Engine) -> None:
    engine.tokenizer.eos_ids = frozenset()
    engine.submit(Request(prompt(9), 12, beams=BeamRules(3), id="beams"))
    for _ in range(4):
        assert engine.step() == []
    engine.cancel("beams")
    (event,) = engine.step()
    assert event.over and event.result is not None and event.result.finish_reason == "cancelled"
    engine.check()
    assert not engine.busy


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (Request(prompt(9), 5, beams=BeamRules(0)), "width is 0"),
        (Request(prompt(9), 5, beams=BeamRules(2), n=3), "width is 2"),
        (Request(prompt(9), 5, beams=BeamRules(2, float("nan"))), "length_penalty is nan"),
        (Request(prompt(9), 5, beams=BeamRules(2, 1.0, "soon")), "early_stopping is 'soon'"),
        (Request(prompt(9), 5, beams=BeamRules(2, no_repeat=0)), "no_repeat is 0"),
        (Request(prompt(9), 5, beams=BeamRules(2), sampling=Sampling(temperature=1.0)), "temperature 0 alone"),
        (Request(prompt(9), 5, beams=BeamRules(2), best_of=2), "exclude each other"),
        (Request(prompt(9), 5, beams=BeamRules(40)), "more than the 32"),
    ],
)
def test_beams_that_make_no_sense_are_refused(engine: Engine, request_: Request, words: str) -> None:
    with pytest.raises(RequestRefused, match=words):
        engine.submit(request_)


def _likely(engine: Engine, tokens: list[int]) -> list[int]:
    """Two tokens that often come third or so: good ends."""
    engine.tokenizer.eos_ids = frozenset()
    told = engine.generate([Request(tokens, 4, logprobs=6)])[0].logprobs
    return sorted({told[1].top[4][0], told[3].top[5][0]})


def _again(tokens: list[int], length: int) -> bool:
    runs = [tuple(tokens[place : place + length]) for place in range(len(tokens) + 1 - length)]
    return len(set(runs)) < len(runs)


def _cut(tokens: list[int], ends: list[int]) -> list[int]:
    at = next((place for place, token in enumerate(tokens) if token in ends), len(tokens))
    return tokens[:at]
