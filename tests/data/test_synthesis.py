"""A language model is asked once, within its limits, and never again; whatever its endpoint does."""

import gzip
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from expertbuild.data.errors import RecipeMistake, SourceMistake
from expertbuild.data.rows import Row, dump
from expertbuild.data.sources import Place, source
from expertbuild.data.sources import synthesis as synthesis_source
from expertbuild.data.synthesis import run as running
from expertbuild.data.synthesis.errors import EndpointProblem, LockRefused, NotAnswered
from expertbuild.data.synthesis.locked import Answer, Locked, lock_path, parse, writing
from expertbuild.data.synthesis.run import Progress, run
from expertbuild.data.synthesis.spec import read, read_calls
from expertbuild.evaluation.scorers import scorer
from runtime.home import shipped
from tests.data.loopback import STALL, Answered, chat, serving

KEY = "toy-secret-0123456789abcdef"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key in the environment, and pauses that a test can wait for."""
    monkeypatch.setenv("TOY_KEY", KEY)
    monkeypatch.setattr(running, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(running, "TICK", 0.05)


def spec_of(count: int, url: str = "http://127.0.0.1:9/v1", **more: Any) -> dict[str, Any]:
    calls = {"base_url": url, "api_key_env": "TOY_KEY", "budget": {"tokens": 10_000_000}, **more.pop("calls", {})}
    made: dict[str, Any] = {
        "kind": "synthesis",
        "name": "toy",
        "model": "toy",
        "over": {"topic": [f"topic {n}" for n in range(count)]},
        "prompt": "Ask something about {topic}.",
        "output": {"schema": {"type": "object", "required": ["q", "a"], "properties": {"q": {"type": "string"}}}},
        "columns": {"prompt": "q", "answer": "a"},
        "options": {"max_tokens": 100},
        "calls": calls,
    }
    return made | more


def good(number: int, document: Mapping[str, Any], headers: Mapping[str, str]) -> Answered:
    asked = document["messages"][-1]["content"]
    return chat(json.dumps({"q": f"What of {asked}?", "a": f"That of {asked}."}))


def ask(spec: dict[str, Any], directory: Path) -> Progress:
    wanted = read(spec)
    with writing(lock_path(directory, wanted.name)) as journal:
        return run(wanted, read_calls(spec), journal, Place("", directory, scorer))


def rows(spec: dict[str, Any], directory: Path) -> list[Row]:
    return list(source(spec).rows(spec, Place("any", directory, scorer)))


def locked_bytes(directory: Path) -> bytes:
    return (directory / "synthesis" / "toy.jsonl").read_bytes()


def test_what_was_asked_once_is_read_for_ever_without_a_network(tmp_path: Path) -> None:
    with serving(good) as server:
        spec = spec_of(20, server.url)
        done = ask(spec, tmp_path)
        assert (done.asked, done.rows, done.known) == (20, 20, 0)
        assert len(server.seen) == 20
        again = ask(spec, tmp_path)
        assert (again.asked, again.known, len(server.seen)) == (0, 20, 20)
    made = rows(spec, tmp_path)  # the server is gone
    assert len({row["id"] for row in made}) == 20
    assert made[0]["messages"] == [{"role": "user", "content": "What of Ask something about topic 0.?"}]
    assert [dump(row) for row in made] == [dump(row) for row in rows(spec, tmp_path)]
    assert synthesis_source.files(spec, tmp_path) == [tmp_path / "synthesis" / "toy.jsonl"]


def test_the_file_of_answers_does_not_depend_on_the_order_in_which_they_came(tmp_path: Path) -> None:
    for name, n in (("one", 1), ("many", 8)):
        (tmp_path / name).mkdir()
        with serving(good, latency=0.02) as server:
            ask(spec_of(12, server.url, calls={"concurrency": n}), tmp_path / name)
        assert server.most_at_once <= n, "no more at once than was said"
    assert locked_bytes(tmp_path / "one") == locked_bytes(tmp_path / "many")


def test_every_locked_line_is_of_its_schema(tmp_path: Path) -> None:
    def behave(number: int, document: Mapping[str, Any], headers: Mapping[str, str]) -> Answered:
        if "topic 3" in document["messages"][0]["content"]:
            return Answered(422, json.dumps({"error": {"message": "I will not answer this"}}))
        return good(number, document, headers)

    with serving(behave) as server:
        done = ask(spec_of(5, server.url, calls={"concurrency": 1}), tmp_path)
    schema = json.loads((shipped("schemas") / "synthesis-answer.schema.json").read_text())
    lines = locked_bytes(tmp_path).splitlines()
    for line in lines:
        jsonschema.validate(json.loads(line), schema)
    assert sum(b'"refused":' in line for line in lines) == 2, "a refusal is locked too, for both tries"
    assert (done.rows, done.rejected) == (4, Counter({"the endpoint refuses the request": 2}))


def test_an_endpoint_that_misbehaves_in_every_way_still_answers_everything(tmp_path: Path) -> None:
    """429 with and without a time to wait, 500, 503, bodies cut short, no JSON, not of the protocol, slow, dripping, stalled."""
    whole = good(0, {"messages": [{"content": "x"}]}, {}).body
    assert isinstance(whole, str)
    mischief: list[Answered | str] = [
        Answered(429, '{"error": {"message": "slow down"}}', {"Retry-After": "0.05"}),
        Answered(429, "{}"),
        Answered(500, "<html>oops</html>"),
        Answered(503, b"\xff\xfe"),
        Answered(529, "{}"),
        Answered(200, whole[:40]),
        Answered(200, whole[:40], length=4000),
        Answered(200, "[" * 100_000),
        Answered(200, '{"choices": []}'),
        Answered(200, '{"choices": [{"message": {"content": null}}]}'),
        Answered(200, whole, drip=0.2),
        STALL,
    ]

    def behave(number: int, document: Mapping[str, Any], headers: Mapping[str, str]) -> Answered | str:
        return mischief[number // 2 % len(mischief)] if number % 2 else good(number, document, headers)

    with serving(behave) as server:
        spec = spec_of(60, server.url, calls={"concurrency": 6, "timeout": 1.5, "attempts": 30})
        done = ask(spec, tmp_path)
    assert (done.asked, done.rows, done.given_up) == (60, 60, Counter())
    assert {"status 429", "status 500", "status 503", "status 529", "the answer is not of the protocol"} <= set(
        done.retried
    )
    assert any("no answer within" in reason for reason in done.retried)
    assert any("the connection broke" in reason for reason in done.retried)
    assert len(rows(spec, tmp_path)) == 60


def test_an_answer_that_does_not_count_is_kept_and_asked_again(tmp_path: Path) -> None:
    bad = iter(["no JSON at all", '{"q": 1, "a": "x"}', '{"a": "x"}', '{"q": "x", "a": "x"', ""])

    def behave(number: int, document: Mapping[str, Any], headers: Mapping[str, str]) -> Answered:
        if number <= 5:
            return chat(next(bad))
        if number == 6:
            return chat('{"q": "cut"', finish="length")
        return good(number, document, headers)

    with serving(behave) as server:
        spec = spec_of(8, server.url, tries=3, calls={"concurrency": 1})
        done = ask(spec, tmp_path)
    assert done.rows == 6, "two seeds used up all of their tries"
    assert done.rejected == Counter(
        {
            "the answer is not JSON": 2,
            "not of the schema: type at q": 1,
            "not of the schema: required": 1,
            "the answer is empty": 1,
            "the answer is cut short": 1,
        }
    )
    left_out: list[tuple[str, str, Row]] = []
    place = Place("", tmp_path, scorer, lambda *each: left_out.append(each))
    assert len(list(source(spec).rows(spec, place))) == 6
    assert len(left_out) == 6, "a build says what it left out"
    assert left_out[0][2]["answer"] == "no JSON at all"


def test_a_scorer_decides_whether_an_answer_counts(tmp_path: Path) -> None:
    seeds = "".join(
        json.dumps({"id": str(n), "messages": [{"role": "user", "content": f"{n} + {n}?"}], "answer": str(2 * n)})
        + "\n"
        for n in range(6)
    )
    (tmp_path / "seeds.jsonl").write_text(seeds)

    def behave(number: int, document: Mapping[str, Any], headers: Mapping[str, str]) -> Answered:
        n = int(document["messages"][0]["content"].split()[1])
        return chat(str(2 * n if n % 2 else 99))

    with serving(behave) as server:
        spec = spec_of(
            0, server.url, tries=1, prompt="Add {seed.question}", columns={"prompt": "seed.question", "answer": "text"}
        )
        del spec["output"], spec["over"]
        spec |= {
            "seeds": [{"kind": "files", "path": "seeds.jsonl"}],
            "accept": {"kind": "exact_match"},
            "against": "seed",
        }
        done = ask(spec, tmp_path)
    assert done.rejected == Counter({"exact_match does not accept it": 3})
    assert [row["answer"] for row in rows(spec, tmp_path)] == ["2", "6", "10"]
    assert [row["group"] for row in rows(spec, tmp_path)] == ["1", "3", "5"], "what comes of one seed stays together"
    assert synthesis_source.scorers(spec) == [{"kind": "exact_match"}]
    assert "expertbuild.data.sources.files" in synthesis_source.modules(spec)


def test_rows_that_are_added_are_all_that_is_asked(tmp_path: Path) -> None:
    with serving(good) as server:
        ask(spec_of(10, server.url), tmp_path)
        before = rows(spec_of(10), tmp_path)
        done = ask(spec_of(13, server.url), tmp_path)
        assert (done.asked, done.known, len(server.seen)) == (3, 10, 13)
    assert rows(spec_of(13), tmp_path)[:10] == before


def test_what_decides_no_answer_asks_nothing_again(tmp_path: Path) -> None:
    """Another address, key, limit or budget; a model, a prompt or an option is another question."""
    with serving(good) as server:
        ask(spec_of(3, server.url), tmp_path)
    with serving(good) as other:
        calls = {"concurrency": 2, "timeout": 5, "requests_per_minute": 6000}
        assert ask(spec_of(3, other.url, calls=calls), tmp_path).asked == 0
        assert ask(spec_of(3, other.url, options={"max_tokens": 100, "temperature": 0.5}), tmp_path).asked == 3
        assert ask(spec_of(3, other.url, samples=2), tmp_path).asked == 3


def test_a_list_in_an_answer_makes_a_row_of_each_entry(tmp_path: Path) -> None:
    with serving(lambda *_: chat('```json\n{"pairs": [{"q": "1", "a": "2"}, {"q": "3", "a": "4"}]}\n```')) as server:
        spec = spec_of(1, server.url, output={"each": "pairs"})
        ask(spec, tmp_path)
    assert [row["answer"] for row in rows(spec, tmp_path)] == ["2", "4"]
    assert len({row["id"] for row in rows(spec, tmp_path)}) == 2


def test_a_budget_that_runs_out_keeps_what_was_paid_for(tmp_path: Path) -> None:
    """Each answer costs 30 tokens; what a request could cost at most is set aside before it is sent."""
    with serving(good) as server:
        spec = spec_of(50, server.url, calls={"budget": {"tokens": 900}, "concurrency": 4})
        done = ask(spec, tmp_path)
        assert done.stopped == "the budget is used up"
        assert sum(done.tokens) <= 900 and 15 <= done.asked < 50
        assert done.asked == len(server.seen) == len(Locked(lock_path(tmp_path, "toy")))
        with pytest.raises(NotAnswered, match=f"{50 - done.asked} requests have no locked answer"):
            rows(spec, tmp_path)
        assert len(rows(spec | {"partial": True}, tmp_path)) == done.asked, "what was paid for can be used"
        assert ask(spec, tmp_path).asked == 0, "what is locked counts towards the budget"
        more = ask(spec_of(50, server.url), tmp_path)
        assert (more.asked, more.known) == (50 - done.asked, done.asked), "nothing is paid for twice"


def test_a_budget_in_money_counts_what_is_read_and_what_is_written(tmp_path: Path) -> None:
    calls = {"budget": {"money": 0.005}, "prices": {"input": 1.0, "output": 10.0}, "concurrency": 2}
    with serving(good) as server:
        done = ask(spec_of(200, server.url, calls=calls), tmp_path)
    assert done.money == pytest.approx(done.asked * (20 * 1.0 + 10 * 10.0) / 1e6)
    assert 0.0038 <= done.money <= 0.005


def test_an_endpoint_that_stalls_for_ever_is_given_up(tmp_path: Path) -> None:
    with (
        serving(lambda *_: STALL) as server,
        pytest.raises(EndpointProblem, match=r"no answer within .* s, 8 times in a row"),
    ):
        ask(spec_of(20, server.url, calls={"timeout": 0.2, "concurrency": 4}), tmp_path)
    assert not lock_path(tmp_path, "toy").exists(), "nothing was answered, so nothing is locked"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answered(200, b"[" * 9_000_000), "more than 8,388,608 bytes"),
        (
            Answered(200, gzip.compress(b"[" * 9_000_000), {"Content-Encoding": "gzip"}),
            "is packed, which was not asked for",
        ),
    ],
    ids=["endless", "packed"],
)
def test_answers_without_end_are_not_held(tmp_path: Path, answer: Answered, said: str) -> None:
    with serving(lambda *_: answer) as server:
        done = ask(spec_of(1, server.url, calls={"attempts": 2}), tmp_path)
    assert (done.asked, done.given_up.total()) == (0, 1)
    assert said in next(iter(done.given_up))
    assert sum(done.tokens) >= 200, "whether it was paid for is not known, so it counts"


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (
            404,
            {"error": {"message": "The model `toy` does not exist", "code": "model_not_found"}},
            "404.*does not exist.*name right",
        ),
        (401, {"error": {"message": f"Incorrect API key provided: {KEY}"}}, "401.*provided: \\*\\*\\*"),
        (400, {"error": {"message": "max_tokens is too large"}}, "refuses the request: max_tokens"),
        (429, {"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}}, "asks to stop"),
        (302, {}, "302"),
        (418, {"error": "\x1b[31mred"}, "\\\\x1b"),
    ],
)
def test_what_asking_again_does_not_mend_ends_the_run_in_a_sentence(
    tmp_path: Path, status: int, body: Any, said: str
) -> None:
    with serving(lambda *_: Answered(status, json.dumps(body))) as server:
        with pytest.raises(EndpointProblem, match=said) as caught:
            ask(spec_of(30, server.url, calls={"concurrency": 2}), tmp_path)
        assert len(server.seen) <= 4
    assert KEY not in str(caught.value)


def test_an_answer_by_another_model_is_refused_unless_it_was_named(tmp_path: Path) -> None:
    with serving(lambda *_: chat('{"q": "x", "a": "y"}', model="cheap-model")) as server:
        with pytest.raises(EndpointProblem, match='answers as "cheap-model", not as "toy"'):
            ask(spec_of(2, server.url), tmp_path)
        assert ask(spec_of(2, server.url, calls={"answers_as": "cheap"}), tmp_path).asked == 2
    with serving(lambda *_: chat('{"q": "x", "a": "y"}', model="toy-2026-01-01")) as server:
        assert ask(spec_of(3, server.url), tmp_path).asked == 1, "a dated name of the same model is the model"


def test_a_key_reaches_the_endpoint_and_nothing_else(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Not the file of answers, even if the endpoint repeats it; not the log; not another host."""
    caplog.set_level("DEBUG")
    given: list[str] = []

    def behave(number: int, document: Mapping[str, Any], headers: Mapping[str, str]) -> Answered:
        given.append(headers["authorization"])
        return chat(json.dumps({"q": f"your key is {headers['authorization']}?", "a": "yes"}))

    with serving(behave) as server:
        ask(spec_of(2, server.url), tmp_path)
    assert given[0] == f"Bearer {KEY}"
    assert KEY.encode() not in locked_bytes(tmp_path)
    assert KEY not in caplog.text


def test_anthropic_is_spoken_to_in_its_own_way(tmp_path: Path) -> None:
    def behave(number: int, document: Mapping[str, Any], headers: Mapping[str, str]) -> Answered:
        assert headers["x-api-key"] == KEY and headers["anthropic-version"]
        assert document["system"] == "Be brief." and document["max_tokens"] == 100
        assert [message["role"] for message in document["messages"]] == ["user"]
        content = [{"type": "thinking", "thinking": "..."}, {"type": "text", "text": '{"q": "x", "a": "y"}'}]
        usage = {"input_tokens": 7, "output_tokens": 3}
        return Answered(
            body=json.dumps({"model": "toy", "content": content, "stop_reason": "end_turn", "usage": usage})
        )

    with serving(behave) as server:
        spec = spec_of(1, server.url.removesuffix("/v1"), protocol="anthropic", system="Be brief.")
        done = ask(spec, tmp_path)
        assert server.paths == ["/v1/messages"]
    assert (done.rows, done.tokens) == (1, (7, 3))


def test_limits_by_the_minute_are_kept(tmp_path: Path) -> None:
    times: list[float] = []

    def behave(number: int, document: Mapping[str, Any], headers: Mapping[str, str]) -> Answered:
        times.append(time.monotonic())
        return good(number, document, headers)

    with serving(behave) as server:
        ask(spec_of(20, server.url, calls={"requests_per_minute": 600, "concurrency": 20}), tmp_path)
    assert times[-1] - times[0] >= 0.5, "a second's worth goes out at once, ten a second after that"


BAD_SPECS: list[tuple[dict[str, Any], str]] = [
    ({"calls": {"api_key": "x"}}, 'no key "api_key".*api_key_env'),
    ({"calls": {"api_key_env": "sk-proj-0123456789abcdef"}}, "looks like a key"),
    ({"calls": {"api_key_env": "0123456789abcdef0123456789abcdef"}}, "looks like a key"),
    ({"system": "My key is sk-ant-0123456789abcdef."}, "synthesis.system: holds something that looks like a key"),
    ({"options": {"user": "Bearer abcdefghijkl9"}}, "synthesis.options.user: holds something"),
    ({"calls": {"base_url": "https://me:secret@host/v1"}}, "base_url: holds something that looks like a key"),
    ({"calls": {"base_url": "https://host/v1?key=secret"}}, "base_url: holds something that looks like a key"),
    ({"calls": {"base_url": "http://example.org/v1"}}, "in the clear"),
    ({"calls": {"base_url": "file:///etc/passwd"}}, "not the address"),
    ({"calls": {"base_url": "https://[::1"}}, "not the address"),
    ({"calls": {"budget": {"money": 1}}}, "needs `prices`"),
    ({"calls": {"budget": {"tokens": -1}}}, "above 0"),
    ({"calls": {"concurrency": 0}}, "whole number above 0"),
    ({"name": "../x"}, "needs a `name`"),
    ({"model": ""}, "needs the `model`"),
    ({"modle": "x"}, 'no key "modle". Did you mean model'),
    ({"protocol": "telepathy"}, "no protocol"),
    ({"prompt": "{nothing}"}, r"nothing called \{nothing\}.*topic"),
    ({"prompt": "{"}, "no template"),
    ({"over": {"topic": "x"}}, "no list of values"),
    ({"over": {}}, "needs `seeds`"),
    ({"columns": None}, "needs `columns`"),
    ({"output": {"schema": {"type": "nothing"}}}, "is not a JSON Schema at type"),
    ({"options": {"model": "other"}}, "not for options"),
    ({"options": {"max_tokens": "many"}}, "no number of tokens"),
]


@pytest.mark.parametrize(("change", "said"), BAD_SPECS, ids=[said[:30] for _, said in BAD_SPECS])
def test_a_recipe_that_cannot_be_asked_is_refused_before_anything_is_sent(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    with serving(good) as server:
        with pytest.raises((RecipeMistake, SourceMistake), match=said) as caught:
            ask(spec_of(2, server.url, **change), tmp_path)
        assert not server.seen
    assert "0123456789abcdef" not in str(caught.value) and "secret" not in str(caught.value), "a key is not repeated"


def test_ordinary_words_are_not_taken_for_keys() -> None:
    words = "The key_performance_indicator of sk-learn-classifiers, hf_transformers_library and Bearer certificates."
    assert read(spec_of(1, prompt=words + " {topic}")).prompt.startswith("The key")


def test_answers_can_be_the_seeds_of_further_questions(tmp_path: Path) -> None:
    with serving(good) as server:
        first = spec_of(3, server.url)
        second = {**spec_of(0, server.url), "name": "more", "seeds": [first], "prompt": "More of {seed.question}"}
        del second["over"]
        ask(first, tmp_path)
        assert ask(second, tmp_path).asked == 3
    assert [path.name for path in synthesis_source.files(second, tmp_path)] == ["more.jsonl", "toy.jsonl"]
    assert len(rows(second, tmp_path)) == 3


def test_a_great_many_combinations_are_asked_one_after_the_other(tmp_path: Path) -> None:
    """A million million of them: what is held is what is asked."""
    over = {name: list(range(10_000)) for name in ("a", "b", "c")}
    with serving(good) as server:
        spec = spec_of(0, server.url, over=over, prompt="{a} {b} {c}", rows=5)
        assert ask(spec, tmp_path).asked == 5
    assert len(rows(spec, tmp_path)) == 5


@given(st.binary(max_size=400) | st.text(max_size=200).map(str.encode))
def test_no_bytes_in_a_file_of_answers_end_in_anything_but_a_refusal(line: bytes) -> None:
    with pytest.raises(LockRefused):
        parse(line, "toy.jsonl:1")


@given(st.integers(0, 400), st.integers(0, 255))
def test_no_changed_byte_of_an_answers_request_goes_unseen(place: int, byte: int) -> None:
    request = {"protocol": "openai", "model": "m", "messages": [{"role": "user", "content": "x"}]}
    whole = Answer(request | {"options": {}, "sample": 0, "try": 0}, "text", "stop", "m", (1, 2)).line().rstrip(b"\n")
    place %= len(whole)
    changed = whole[:place] + bytes([byte]) + whole[place + 1 :]
    try:
        answer = parse(changed, "toy.jsonl:1")
    except LockRefused:
        return
    assert answer.request == parse(whole, "").request


def test_a_key_that_is_not_set_and_a_budget_that_is_not_given_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SourceMistake, match="needs a budget"):
        ask(spec_of(1, calls={"budget": {}}), tmp_path)
    monkeypatch.delenv("TOY_KEY")
    with pytest.raises(SourceMistake, match="TOY_KEY: is not set"):
        ask(spec_of(1), tmp_path)


def test_a_schema_that_reaches_out_or_never_ends_asks_and_hangs_nothing(tmp_path: Path) -> None:
    with serving(good) as server:
        for schema, said in (
            ({"$ref": f"{server.url}/schema.json"}, "must stand alone"),
            ({"properties": {"q": {"pattern": "(a+)+\\1"}}}, "RE2"),
            ([], "is an object"),
        ):
            with pytest.raises(RecipeMistake, match=said) as told:
                ask(spec_of(1, server.url, output={"schema": schema}), tmp_path)
            assert told.value.where == "synthesis toy: output.schema"
        assert server.paths == [], "nothing is paid for what cannot be judged"
        doubling: Any = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(40)}
        endless = {"$defs": {**doubling, "d40": {}}, "$ref": "#/$defs/d0"}
        explodes = {"properties": {"q": {"pattern": "^(\\w+\\s?)*!$"}}}
        for schema, reason in ((endless, "it takes too long to check"), (explodes, "pattern at q")):
            spec = spec_of(1, server.url, output={"schema": schema}, tries=1)
            begun = time.process_time()
            assert ask(spec, tmp_path).rejected == {f"not of the schema: {reason}": 1}
            assert time.process_time() - begun < 60


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda line: line[:-20], r"toy\.jsonl:2: is cut short.*expertbuild synthesize"),
        (lambda line: line.replace(b"topic 1", b"topic 7"), r"toy\.jsonl:\d: has a key that is not its request's"),
        (lambda line: b"{}\n", "is no locked answer"),
        (lambda line: b"\xff\n", "cannot be read"),
        (lambda line: b"[" * 1000 + b"\n", "cannot be read"),
        (lambda line: line.replace(b'"tokens":[20,10]', b'"tokens":[20,-1]'), "is no locked answer"),
    ],
)
def test_answers_that_somebody_changed_are_refused(tmp_path: Path, change: Any, said: str) -> None:
    with serving(good) as server:
        ask(spec_of(2, server.url), tmp_path)
    path = lock_path(tmp_path, "toy")
    first, second = sorted(path.read_bytes().splitlines(True), key=lambda line: b"topic 1" in line)
    path.write_bytes(first + change(second))
    with pytest.raises(LockRefused, match=said):
        rows(spec_of(2), tmp_path)


def test_a_file_of_answers_that_leads_outside_is_refused(tmp_path: Path) -> None:
    (tmp_path / "expert").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "expert" / "synthesis").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(LockRefused, match="leads outside"):
        rows(spec_of(1), tmp_path / "expert")


def test_nothing_locked_yet_names_the_verb(tmp_path: Path) -> None:
    with pytest.raises(NotAnswered, match=r"no answers yet.*expertbuild synthesize"):
        synthesis_source.files(spec_of(1), tmp_path)


def test_two_runs_at_once_do_not_write_one_file(tmp_path: Path) -> None:
    with (
        writing(lock_path(tmp_path, "toy")),
        pytest.raises(LockRefused, match="another run"),
        writing(lock_path(tmp_path, "toy")),
    ):
        pass


KILLED = """
import sys
from pathlib import Path
from tests.data.test_synthesis import ask, spec_of
ask(spec_of(200, sys.argv[1], calls={"concurrency": 4}), Path(sys.argv[2]))
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=["kill", "ctrl-c"])
def test_a_run_that_is_ended_goes_on_where_it_was(tmp_path: Path, number: int) -> None:
    """Killed: at most the answers under way are lost. Asked to stop: not even those."""
    enough = threading.Event()

    def behave(count: int, document: Mapping[str, Any], headers: Mapping[str, str]) -> Answered:
        if count >= 40:
            enough.set()
        return good(count, document, headers)

    with serving(behave, latency=0.05) as server:
        child = subprocess.Popen(
            [sys.executable, "-c", KILLED, server.url, str(tmp_path)],
            env=os.environ | {"TOY_KEY": KEY},
            stderr=subprocess.PIPE,
        )
        assert enough.wait(120)
        child.send_signal(number)
        child.communicate(timeout=120)
        sent = len(server.seen)
        assert 40 <= sent < 200
        path = lock_path(tmp_path, "toy")
        with path.open("ab") as file:
            file.write(b'{"format":"synthesis-answer/1","key":"')  # a line that was being written
        done = ask(spec_of(200, server.url), tmp_path)
        lost = sent - done.known
        assert lost == 0 if number == signal.SIGINT else 0 <= lost <= 4
        assert done.asked + done.known == 200 and len(server.seen) == 200 + lost
    assert len(rows(spec_of(200), tmp_path)) == 200


def test_hundreds_of_examples_take_little_longer_than_the_endpoint_needs(tmp_path: Path) -> None:
    """The benchmark, smaller: its shape is checked, and that asking is not what takes the time of the processor."""
    from benchmarks.synthesis import measure

    made = measure(tmp_path, 300, latency=0.2, concurrency=32, trouble=0.1)
    assert made["examples"] == made["read_back"]["rows"] == 300
    assert made["asked_again"] > 0 and made["given_up"] == 0
    assert made["cpu_seconds"] < 300 * 0.1, "ten thousand examples take a processor less than a quarter of an hour"
