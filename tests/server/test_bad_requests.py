"""Hostile and broken requests: each has its own status code, and no other request is harmed."""

import asyncio
import json
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from runtime.server.app import Limits
from runtime.service import Runtime
from tests.server.conftest import serving, wait_for

HELLO = [{"role": "user", "content": "hello"}]
# An answer that cannot end before 4,000 characters.
LONG = {"type": "json_schema", "json_schema": {"name": "long", "schema": {"type": "string", "minLength": 4000}}}


@pytest.fixture(scope="module")
def http(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, timeout=30) as client:
        yield client


def _post(http: httpx.Client, **fields: Any) -> httpx.Response:
    return http.post("/v1/chat/completions", json={"model": "tiny-qwen3", "messages": HELLO, "max_tokens": 2} | fields)


@pytest.mark.parametrize(
    ("fields", "parameter"),
    [
        ({"temperature": -1}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": "0.5"}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"presence_penalty": "1"}, "presence_penalty"),
        ({"logit_bias": {"5": "1"}}, "logit_bias"),
        ({"stop_token_ids": ["5"]}, "stop_token_ids"),
        ({"stream": "false"}, "stream"),
        ({"stream": 1}, "stream"),
        ({"stream": True, "stream_options": {"include_usage": "no"}}, "stream_options.include_usage"),
        ({"top_p": 0}, "top_p"),
        ({"top_p": 1.5}, "top_p"),
        ({"top_k": -3}, "top_k"),
        ({"min_p": 2}, "min_p"),
        ({"repetition_penalty": 0}, "repetition_penalty"),
        ({"seed": 1.5}, "seed"),
        ({"seed": 1 << 63}, "seed"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"n": 1000}, "n"),
        ({"stop": ""}, "stop"),
        ({"stop": ["a"] * 17}, "stop"),
        ({"stop": ["a", 5]}, "stop[1]"),
        ({"messages": []}, "messages"),
        ({"messages": "hello"}, "messages"),
        ({"messages": [{"role": "wizard", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]}, "messages"),
        ({"experts": []}, "experts"),
        ({"experts": [{"name": "expert-query", "weight": 0}]}, "experts[0].weight"),
        ({"experts": [{"name": "expert-query", "weight": 1e30}]}, "experts[0].weight"),
        ({"experts": [{"name": "expert-query"}, {"name": "expert-query"}]}, "experts"),
        ({"experts": [{"name": "expert-query", "wait": 1}]}, "experts[0].wait"),
        ({"model": ""}, "model"),
        ({"model": 5}, "model"),
        ({"tools": [{"type": "function"}]}, "tools"),
        ({"functions": [{"name": "f"}]}, "functions"),
        ({"prediction": {"type": "content", "content": "x"}}, "prediction"),
        ({"logprobs": 1}, "logprobs"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
        ({"frequency_penalty": 2.5}, "frequency_penalty"),
        ({"presence_penalty": "much"}, "presence_penalty"),
        ({"logit_bias": {"5": 101}}, "logit_bias"),
        ({"logit_bias": {"x": 1}}, "logit_bias"),
        ({"logit_bias": {str(token): 1 for token in range(1025)}}, "logit_bias"),
        ({"stop_token_ids": [-1]}, "stop_token_ids[0]"),
        ({"n": 3, "best_of": 2}, "best_of"),
        ({"length_penalty": 2.0}, "length_penalty"),
        ({"early_stopping": "perhaps", "use_beam_search": True}, "early_stopping"),
        ({"priority": 1.5}, "priority"),
        ({"speculate": "wildly"}, "speculate"),
        ({"temprature": 1}, "temprature"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        ({"response_format": {"type": "poem"}}, "response_format.type"),
    ],
)
def test_a_wrong_field_is_named(http: httpx.Client, fields: dict[str, Any], parameter: str) -> None:
    reply = _post(http, **fields)
    error = reply.json()["error"]
    assert reply.status_code == 400 and error["type"] == "invalid_request_error"
    assert error["param"].startswith(parameter) and error["message"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"logit_bias": {"512": 1}}, "token id 512 is not in the vocabulary of 512"),
        ({"stop_token_ids": [512]}, "stop token 512 is not in"),
        ({"use_beam_search": True, "n": 2, "temperature": 1}, "temperature 0 alone"),
        ({"use_beam_search": True, "best_of": 8, "max_tokens": 400}, "blocks of the cache"),
    ],
)
def test_what_only_the_engine_can_know_is_refused_with_its_reason(
    http: httpx.Client, fields: dict[str, Any], words: str
) -> None:
    reply = _post(http, **fields)
    assert reply.status_code == 400 and words in reply.json()["error"]["message"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"messages": [{"role": "user", "content": "\xff"}]}',
        b'{"temperature": NaN}',
        b'{"temperature": 1e400}',
        b'{"model": "a", "model": "b"}',
        b'{"messages": ' + b"[" * 9000 + b"]" * 9000 + b"}",
        b'\xef\xbb\xbf{"model": "a"}',
        b'{"messages": [{"role": "user", "content": "\\ud800"}]}',
    ],
)
def test_what_is_not_sound_json_is_a_bad_request(http: httpx.Client, body: bytes) -> None:
    reply = http.post("/v1/chat/completions", content=body, headers={"content-type": "application/json"})
    assert reply.status_code == 400 and reply.json()["error"]["message"]


def test_another_content_type_is_refused(http: httpx.Client) -> None:
    reply = http.post(
        "/v1/chat/completions", content=json.dumps({"messages": HELLO}), headers={"content-type": "text/plain"}
    )
    assert reply.status_code == 415 and "application/json" in reply.json()["error"]["message"]


def test_a_body_beyond_the_limit_is_refused_whether_it_says_so_or_not(http: httpx.Client) -> None:
    def endless() -> Iterator[bytes]:
        yield b'{"messages": "'
        for _ in range(100):
            yield b"x" * 1000

    json_header = {"content-type": "application/json"}
    for content in (b" " * 20_001, endless()):
        reply = http.post("/v1/chat/completions", content=content, headers=json_header)
        assert reply.status_code == 413 and reply.json()["error"]["code"] == "body_too_large"


def test_a_million_stop_strings_are_refused(runtime: Runtime) -> None:
    with serving(runtime, limits=Limits(body_bytes=5_000_000)) as address, httpx.Client(base_url=address) as http:
        assert _post(http, stop=["s"] * 1_000_000).status_code == 400


def test_unknown_models_and_addresses_are_not_found(http: httpx.Client, address: str) -> None:
    client = OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0)
    with pytest.raises(openai.NotFoundError) as unknown:
        client.chat.completions.create(model="expert-\x1b[31mevil", messages=HELLO)  # type: ignore[arg-type]
    assert unknown.value.code == "model_not_found"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("nobody")
    assert http.get("/v2/nothing").status_code == 404 and "error" in http.get("/v2/nothing").json()
    assert http.get("/v1/chat/completions").status_code == 405


def test_a_context_longer_than_the_cache_has_its_own_code(http: httpx.Client) -> None:
    reply = _post(http, messages=[{"role": "user", "content": "word " * 3000}])
    assert reply.status_code == 400 and reply.json()["error"]["code"] == "context_length_exceeded"


@pytest.mark.parametrize(
    "schema", [{"type": "strange"}, {"$ref": "https://example.org/schema"}, {"type": "string", "pattern": "(" * 50}]
)
def test_a_schema_that_cannot_be_bound_is_a_bad_request(http: httpx.Client, schema: dict[str, Any]) -> None:
    reply = _post(http, response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": schema}})
    assert reply.status_code == 400 and reply.json()["error"]["code"] == "invalid_grammar"


def test_a_refusal_comes_as_a_status_even_when_a_stream_was_asked_for(http: httpx.Client) -> None:
    reply = _post(http, stream=True, messages=[{"role": "user", "content": "word " * 3000}])
    assert reply.status_code == 400 and reply.headers["content-type"] == "application/json"


def test_an_answer_is_escaped_so_that_no_terminal_obeys_it(http: httpx.Client) -> None:
    reply = _post(http, model="nobody\x1b[2J<script>\u202e\x9b")
    assert reply.content.isascii() and not set(reply.content) & {0x1B, 0x9B, 0x7F}
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert _post(http).headers["content-type"] == "application/json"


def test_an_answer_that_takes_too_long_times_out(runtime: Runtime) -> None:
    with serving(runtime, limits=Limits(timeout=0.05)) as address, httpx.Client(base_url=address) as http:
        slow = {"max_tokens": 450, "response_format": LONG}
        assert _post(http, **slow).status_code == 504
        streamed = _post(http, **slow, stream=True)
        assert streamed.status_code == 504 or '"code":"timeout"' in streamed.text
        wait_for(lambda: runtime.open_requests == 0)


def test_an_overloaded_server_says_when_to_come_back(base: Any, folder: Any, engine: Any) -> None:
    from tests.server.installed import store_with

    with (
        Runtime(base, store=store_with(folder / "one", engine), cache_tokens=1024, max_batch=1, queue=0) as runtime,
        serving(runtime) as address,
        httpx.Client(base_url=address, timeout=30) as http,
    ):
        long = {
            "model": "tiny-qwen3",
            "messages": HELLO,
            "max_tokens": 400,
            "temperature": 1.0,
            "seed": 1,
            "stream": True,
        }
        with http.stream("POST", "/v1/chat/completions", json=long) as first:
            lines = first.iter_lines()  # kept, or the connection would be closed with it
            next(lines)
            for stream in (False, True):
                reply = _post(http, stream=stream)
                assert reply.status_code == 429 and reply.headers["retry-after"] == "1"
                assert reply.json()["error"]["code"] == "overloaded"
        wait_for(lambda: runtime.open_requests == 0)
        assert _post(http).status_code == 200


def test_an_engine_that_fails_is_said_and_health_turns(base: Any, folder: Any, engine: Any) -> None:
    """Something that the engine cannot answer for: its scheduler breaks in the middle of a step."""
    from tests.server.installed import store_with

    with (
        Runtime(base, store=store_with(folder / "broken", engine), cache_tokens=1024) as runtime,
        serving(runtime) as address,
        httpx.Client(base_url=address, timeout=30) as http,
    ):
        runtime.engine._scheduler.plan = None  # type: ignore[assignment,method-assign]
        for _ in range(2):
            reply = _post(http)
            assert reply.status_code == 503 and reply.json()["error"]["code"] == "engine_stopped"
        assert http.get("/health").status_code == 503


def test_many_connections_that_say_nothing_harm_nobody(address: str, http: httpx.Client) -> None:
    host, port = address.removeprefix("http://").split(":")
    silent = [socket.create_connection((host, int(port))) for _ in range(200)]
    try:
        for connection in silent[::2]:
            connection.send(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n")
        assert _post(http).status_code == 200
    finally:
        for connection in silent:
            connection.close()


def test_a_client_that_hangs_up_in_its_own_request_is_no_fault_of_the_server(
    address: str, http: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    host, port = address.removeprefix("http://").split(":")
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n"
    with socket.create_connection((host, int(port))) as connection:
        connection.send(head + b'{"model": "tiny')
    wait_for(lambda: 'status="499"' in http.get("/metrics").text)
    assert 'status="500"' not in http.get("/metrics").text and not caplog.records


def test_broken_requests_among_good_ones_change_no_answer(address: str, runtime: Runtime) -> None:
    expected = {n: runtime.generate(f"prompt {n}", expert="expert-query").text for n in range(8)}

    async def all_at_once() -> dict[int, str]:
        async with httpx.AsyncClient(base_url=address, timeout=60) as http:

            async def good(n: int) -> tuple[int, str]:
                body = {"model": "expert-query", "messages": [{"role": "user", "content": f"prompt {n}"}]}
                reply = await http.post("/v1/chat/completions", json=body)
                return n, reply.json()["choices"][0]["message"]["content"]

            async def bad(n: int) -> None:
                body = {"model": "expert-query", "messages": HELLO, "temperature": -n - 1}
                assert (await http.post("/v1/chat/completions", json=body)).status_code == 400

            results = await asyncio.gather(*(work(n) for n in range(8) for work in (good, bad)))
            return dict(each for each in results if each)

    assert asyncio.run(all_at_once()) == expected
