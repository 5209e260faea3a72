"""The HTTP face, spoken to by OpenAI's own client over a real socket."""

import asyncio
import json
from collections.abc import Iterator

import httpx
import openai
import pytest
from openai import OpenAI
from prometheus_client.parser import text_string_to_metric_families

from runtime.service import Runtime
from tests.server.conftest import serving, wait_for

HELLO = [{"role": "user", "content": "hello"}]
# An answer that cannot end before 4,000 characters.
LONG = {"type": "json_schema", "json_schema": {"name": "long", "schema": {"type": "string", "minLength": 4000}}}
SQL = [{"role": "user", "content": "Which cities, in Postgres?"}]


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0) as client:
        yield client


def test_the_models_are_auto_the_base_and_every_expert(client: OpenAI) -> None:
    listed = client.models.list().data
    assert [model.id for model in listed] == ["auto", "tiny-qwen3", "local/expert-query", "local/expert-record"]
    assert client.models.retrieve("local/expert-query").owned_by == "local"


def test_an_expert_answers_with_usage(client: OpenAI, runtime: Runtime) -> None:
    reply = client.chat.completions.create(model="expert-query", messages=HELLO)
    expected = runtime.generate("hello", expert="expert-query")
    assert reply.choices[0].message.content == expected.text and reply.choices[0].message.role == "assistant"
    assert reply.choices[0].finish_reason == expected.finish_reason and reply.model == "local/expert-query"
    assert reply.usage and reply.usage.prompt_tokens == expected.usage.prompt_tokens
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens
    assert reply.model_extra["expertbuild"]["expert"] == "local/expert-query"


def test_several_experts_answer_together(client: OpenAI, runtime: Runtime) -> None:
    """A field of ours beside `model`; the same in a stream."""
    experts = [{"name": "expert-query", "weight": 0.75}, {"name": "expert-record", "weight": 0.5}]
    options = {"model": "auto", "messages": HELLO, "extra_body": {"experts": experts}}
    reply = client.chat.completions.create(**options)
    expected = runtime.generate("hello", experts={"expert-query": 0.75, "expert-record": 0.5})
    assert reply.choices[0].message.content == expected.text != runtime.generate("hello", expert="expert-query").text
    told = reply.model_extra["expertbuild"]
    assert told["expert"] == "local/expert-query"
    assert told["experts"] == [
        {"name": "local/expert-query", "weight": 0.75},
        {"name": "local/expert-record", "weight": 0.5},
    ]
    stream = client.chat.completions.create(**options, stream=True)
    assert "".join(part.choices[0].delta.content or "" for part in stream) == expected.text


def test_the_base_answers_by_its_name(client: OpenAI, runtime: Runtime) -> None:
    reply = client.chat.completions.create(model="tiny-qwen3", messages=HELLO, max_tokens=5)
    assert reply.choices[0].message.content == runtime.generate("hello", expert="tiny-qwen3", max_tokens=5).text
    assert reply.model_extra["expertbuild"]["expert"] is None


def test_auto_says_who_answers_and_why_in_the_header_and_the_body(client: OpenAI) -> None:
    raw = client.chat.completions.with_raw_response.create(model="auto", messages=SQL, max_tokens=2)
    assert raw.headers["x-expert"] == "local/expert-query" and "keyword 'postgres'" in raw.headers["x-expert-reasons"]
    why = raw.parse().model_extra["expertbuild"]
    assert why["expert"] == "local/expert-query" and why["probability"] >= 0.5
    assert why["scores"]["local/expert-query"] == why["probability"] and "postgres" in why["reasons"][0]


def test_a_stream_brings_the_same_text_the_reasons_and_the_usage(client: OpenAI) -> None:
    options = {"model": "auto", "messages": SQL}
    whole = client.chat.completions.create(**options)
    chunks = list(client.chat.completions.create(**options, stream=True, stream_options={"include_usage": True}))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content and len(chunks) > 4
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[0].model_extra["expertbuild"]["expert"] == "local/expert-query"
    assert chunks[-2].choices[0].finish_reason == whole.choices[0].finish_reason
    assert chunks[-1].usage and whole.usage and chunks[-1].usage.total_tokens == whole.usage.total_tokens
    assert len({chunk.id for chunk in chunks}) == 1


def test_a_seed_repeats_an_answer_and_choices_differ(client: OpenAI) -> None:
    options = {"model": "tiny-qwen3", "messages": HELLO, "temperature": 1.0, "seed": 7, "max_tokens": 12}
    first = client.chat.completions.create(**options, n=3)
    texts = [choice.message.content for choice in first.choices]
    assert len(set(texts)) == 3 and [choice.index for choice in first.choices] == [0, 1, 2]
    assert [c.message.content for c in client.chat.completions.create(**options, n=3).choices] == texts
    assert client.chat.completions.create(**options).choices[0].message.content == texts[0]


def test_choices_stream_beside_each_other(client: OpenAI) -> None:
    options = {"model": "tiny-qwen3", "messages": HELLO, "temperature": 1.0, "seed": 7, "max_tokens": 12, "n": 2}
    whole = [choice.message.content for choice in client.chat.completions.create(**options).choices]
    texts = ["", ""]
    for chunk in client.chat.completions.create(**options, stream=True):
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
    assert texts == whole


def test_a_stop_string_ends_the_answer_before_itself(client: OpenAI) -> None:
    options = {"model": "tiny-qwen3", "messages": HELLO, "max_tokens": 20}
    text = client.chat.completions.create(**options).choices[0].message.content or ""
    stop = text[4:7]
    stopped = client.chat.completions.create(**options, stop=[stop, "never"]).choices[0]
    assert stopped.message.content == text[: text.index(stop)] and stopped.finish_reason == "stop"


def test_max_completion_tokens_is_a_length(client: OpenAI) -> None:
    reply = client.chat.completions.create(model="tiny-qwen3", messages=HELLO, max_completion_tokens=3, max_tokens=9)
    assert reply.usage and reply.usage.completion_tokens == 3 and reply.choices[0].finish_reason == "length"


def test_a_json_schema_binds_the_answer(client: OpenAI) -> None:
    schema = {
        "type": "object",
        "properties": {"ok": {"type": "boolean"}},
        "required": ["ok"],
        "additionalProperties": False,
    }
    reply = client.chat.completions.create(
        model="auto",
        messages=HELLO,
        max_tokens=200,
        response_format={"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": True}},
    )
    assert json.loads(reply.choices[0].message.content or "") in ({"ok": True}, {"ok": False})


def test_json_mode_gives_an_object(client: OpenAI) -> None:
    reply = client.chat.completions.create(
        model="tiny-qwen3", messages=HELLO, max_tokens=3, response_format={"type": "json_object"}
    )
    assert (reply.choices[0].message.content or "").startswith("{")


def test_parts_of_text_and_the_developer_role_are_understood(client: OpenAI, runtime: Runtime) -> None:
    messages = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "hel"}, {"type": "text", "text": "lo"}]},
    ]
    reply = client.chat.completions.create(model="expert-query", messages=messages, max_tokens=4)  # type: ignore[arg-type]
    plain = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hel\nlo"}]
    assert reply.choices[0].message.content == runtime.generate(plain, expert="expert-query", max_tokens=4).text


def test_an_earlier_reply_can_be_sent_back_as_it_came(client: OpenAI) -> None:
    first = client.chat.completions.create(model="expert-query", messages=HELLO, max_tokens=4).choices[0].message
    for again in (first, first.model_dump()):
        messages = [*HELLO, again, {"role": "user", "content": "go on"}]
        assert client.chat.completions.create(
            model="expert-query", messages=messages, max_tokens=2, stop=None, seed=None
        )


def test_a_client_that_hangs_up_in_mid_stream_is_answered_no_further(client: OpenAI, runtime: Runtime) -> None:
    stream = client.chat.completions.create(
        model="tiny-qwen3", messages=HELLO, max_tokens=450, response_format=LONG, stream=True
    )
    next(iter(stream))
    stream.close()
    wait_for(lambda: runtime.open_requests == 0)
    assert client.chat.completions.create(model="tiny-qwen3", messages=HELLO, max_tokens=1).choices


def test_a_client_that_hangs_up_before_the_answer_is_answered_no_further(address: str, runtime: Runtime) -> None:
    body = {"model": "tiny-qwen3", "messages": HELLO, "max_tokens": 450, "response_format": LONG}

    async def give_up() -> None:
        async with httpx.AsyncClient() as http:
            post = asyncio.create_task(http.post(f"{address}/v1/chat/completions", json=body))
            while not runtime.open_requests:
                await asyncio.sleep(0.005)
            post.cancel()
            await asyncio.gather(post, return_exceptions=True)

    asyncio.run(give_up())
    wait_for(lambda: runtime.open_requests == 0)


def test_health_says_what_is_loaded_and_what_was_refused(address: str) -> None:
    health = httpx.get(f"{address}/health")
    assert health.status_code == 200
    assert health.json() | {"open_requests": 0} == {
        "status": "ok",
        "base": "tiny-qwen3",
        "experts": ["local/expert-query", "local/expert-record"],
        "refused": {},
        "open_requests": 0,
    }


def test_metrics_count_requests_tokens_and_decisions(address: str, client: OpenAI) -> None:
    def value(name: str, **labels: str) -> float:
        families = text_string_to_metric_families(httpx.get(f"{address}/metrics").text)
        samples = [s for family in families for s in family.samples if s.name == name]
        return sum(s.value for s in samples if labels.items() <= s.labels.items())

    before = [
        value("expertbuild_requests_total", expert="local/expert-query", status="200"),
        value("expertbuild_routed_total", expert="local/expert-query"),
        value("expertbuild_tokens_total", expert="local/expert-query", kind="completion"),
        value("expertbuild_requests_total", status="404"),
    ]
    client.chat.completions.create(model="auto", messages=SQL, max_tokens=2)
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="nobody", messages=HELLO)
    after = [
        value("expertbuild_requests_total", expert="local/expert-query", status="200"),
        value("expertbuild_routed_total", expert="local/expert-query"),
        value("expertbuild_tokens_total", expert="local/expert-query", kind="completion"),
        value("expertbuild_requests_total", status="404"),
    ]
    assert [b - a for a, b in zip(before, after, strict=True)] == [1, 1, 2, 1]
    assert value("expertbuild_experts") == 2


def test_with_a_key_everything_but_health_asks_for_it(runtime: Runtime, caplog: pytest.LogCaptureFixture) -> None:
    with serving(runtime, key="s3cret-k\u00e9y") as address:
        for sent in ("none", "s3cret-k", "s3cret-key"):
            client = OpenAI(base_url=f"{address}/v1", api_key=sent, max_retries=0)
            with pytest.raises(openai.AuthenticationError) as refused:
                client.models.list()
            assert refused.value.code == "invalid_api_key" and "s3cret" not in str(refused.value)
        assert httpx.get(f"{address}/metrics").status_code == 401
        assert httpx.get(f"{address}/v1/models/auto").status_code == 401
        assert httpx.post(f"{address}/v1/chat/completions", content=b"{").status_code == 401
        assert httpx.get(f"{address}/health").status_code == 200
        good = {"authorization": "Bearer s3cret-k\u00e9y".encode()}
        assert httpx.get(f"{address}/v1/models", headers=good).status_code == 200
    assert "s3cret" not in caplog.text
