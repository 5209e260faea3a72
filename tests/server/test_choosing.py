"""How tokens are chosen and what is told of it, over HTTP: penalties, bias, log-probabilities, several answers, beams."""

import math
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from openai import OpenAI

from runtime.service import Runtime

HELLO = [{"role": "user", "content": "hello"}]
PLAIN: dict[str, Any] = {"model": "tiny-qwen3", "messages": HELLO, "max_tokens": 12}
# Drawn at a high temperature: the random base would repeat itself greedily.
DRAWN: dict[str, Any] = PLAIN | {"temperature": 1.0, "seed": 7}


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0) as client:
        yield client


def _tokens(client: OpenAI, **options: Any) -> list[list[int]]:
    """Each token of the answer, as its bytes."""
    reply = client.chat.completions.create(**PLAIN | {"logprobs": True} | options)
    assert reply.choices[0].logprobs and reply.choices[0].logprobs.content
    return [token.bytes or [] for token in reply.choices[0].logprobs.content]


def test_log_probabilities_tell_each_token_and_its_alternatives(client: OpenAI) -> None:
    choice = client.chat.completions.create(**PLAIN, logprobs=True, top_logprobs=3).choices[0]
    assert choice.logprobs and choice.logprobs.content
    spelled = b"".join(bytes(token.bytes or []) for token in choice.logprobs.content)
    assert spelled.decode(errors="replace") == choice.message.content
    for token in choice.logprobs.content:
        values = [other.logprob for other in token.top_logprobs]
        assert len(values) == 3 and values == sorted(values, reverse=True) and sum(map(math.exp, values)) <= 1
        assert token.logprob == values[0] and token.bytes == token.top_logprobs[0].bytes, "greedy takes the likeliest"


def test_log_probabilities_come_along_with_a_stream(client: OpenAI) -> None:
    whole = client.chat.completions.create(**DRAWN, logprobs=True, top_logprobs=2).choices[0]
    assert whole.logprobs and whole.logprobs.content
    pieces = []
    for chunk in client.chat.completions.create(**DRAWN, logprobs=True, top_logprobs=2, stream=True):
        for choice in chunk.choices:
            pieces += (choice.logprobs.content or []) if choice.logprobs else []
    assert [piece.model_dump() for piece in pieces] == [token.model_dump() for token in whole.logprobs.content]


def test_without_asking_there_are_no_log_probabilities(client: OpenAI) -> None:
    assert client.chat.completions.create(**PLAIN).choices[0].logprobs is None


def test_a_bias_forces_a_token_or_rules_it_out(client: OpenAI, runtime: Runtime) -> None:
    token = runtime.engine.tokenizer.encode("the")[0]
    assert _tokens(client, logit_bias={str(token): 100}, max_tokens=4) == [list(b"the")] * 4
    free = _tokens(client)
    ruled_out = next(id_ for id_ in range(512) if list(runtime.engine.tokenizer.token_bytes(id_)) == free[0])
    assert free[0] not in _tokens(client, logit_bias={str(ruled_out): -100})


def test_penalties_make_repetition_rare(client: OpenAI) -> None:
    forced = {str(token): 30 for token in (40, 41, 42, 43)}
    free = _tokens(client, logit_bias=forced)
    for name in ("presence_penalty", "frequency_penalty"):
        told = _tokens(client, logit_bias=forced, **{name: 2.0})
        assert len({tuple(token) for token in told}) >= len({tuple(token) for token in free})
        assert told != free


def test_a_stop_token_ends_the_answer_before_itself(client: OpenAI, runtime: Runtime) -> None:
    free = _tokens(client, **DRAWN)
    ids = [id_ for id_ in range(512) if list(runtime.engine.tokenizer.token_bytes(id_)) == free[4]]
    reply = client.chat.completions.create(**DRAWN, extra_body={"stop_token_ids": ids}).choices[0]
    expected = b"".join(bytes(token) for token in free[: free.index(free[4])])
    assert reply.message.content == expected.decode(errors="replace") and reply.finish_reason == "stop"


def test_the_best_of_many_answers_is_the_likeliest(client: OpenAI) -> None:
    def mean(choice: Any) -> float:
        content = choice.logprobs.content
        return float(sum(token.logprob for token in content) / len(content))

    all_of_them = client.chat.completions.create(**DRAWN, n=5, logprobs=True).choices
    best = client.chat.completions.create(**DRAWN, n=2, logprobs=True, extra_body={"best_of": 5}).choices
    expected = sorted(all_of_them, key=mean, reverse=True)[:2]
    assert [choice.message.content for choice in best] == [choice.message.content for choice in expected]
    assert [choice.index for choice in best] == [0, 1]
    chunks = client.chat.completions.create(**DRAWN, n=2, stream=True, extra_body={"best_of": 5})
    texts = ["", ""]
    for chunk in chunks:
        for told in chunk.choices:
            texts[told.index] += told.delta.content or ""
    assert texts == [choice.message.content for choice in best]


def test_beam_search_is_asked_for_as_vllm_has_it(client: OpenAI) -> None:
    def score(**options: Any) -> float:
        content = client.chat.completions.create(**PLAIN, logprobs=True, **options).choices[0].logprobs
        return sum(token.logprob for token in content.content or []) if content else -math.inf

    beams = {"use_beam_search": True, "best_of": 4, "length_penalty": 0.0}
    assert score(extra_body=beams) >= score()
    reply = client.chat.completions.create(**PLAIN, n=3, extra_body=beams)
    assert len({choice.message.content for choice in reply.choices}) == 3
    assert reply.usage and reply.usage.completion_tokens > 12


def test_guessing_ahead_is_asked_for_by_request_and_counted(client: OpenAI, address: str) -> None:
    def value(name: str) -> float:
        lines = httpx.get(f"{address}/metrics").text.splitlines()
        return float(next(line.split()[1] for line in lines if line.startswith(name + " ")))

    told = [{"role": "user", "content": "the lazy dog and the lazy dog and the lazy dog"}]
    rules = {"logit_bias": {"99": 100}, "max_tokens": 30}
    plain = client.chat.completions.create(**PLAIN | {"messages": told} | rules)
    before = value("expertbuild_guesses_right")
    guessed = client.chat.completions.create(**PLAIN | {"messages": told} | rules, extra_body={"speculate": "ngram"})
    assert guessed.choices[0].message.content == plain.choices[0].message.content
    assert value("expertbuild_guesses_right") - before > 15
    assert value("expertbuild_tokens_guessed") >= value("expertbuild_guesses_right")


def test_several_answers_come_from_python_too(runtime: Runtime) -> None:
    answers = runtime.choices("hello", expert="tiny-qwen3", n=3, temperature=1.0, seed=7, max_tokens=12, logprobs=0)
    assert [answer.choice for answer in answers] == [0, 1, 2] and len({answer.text for answer in answers}) == 3
    assert all(len(answer.logprobs) <= answer.usage.completion_tokens for answer in answers)
    (alone,) = runtime.choices("hello", expert="tiny-qwen3", temperature=1.0, seed=8, max_tokens=12)
    assert alone.text == answers[1].text
