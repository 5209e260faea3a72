"""Running ahead: a step begins before the tokens of the one before are read, and nobody can tell by the answers."""

import math
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.artifact.slots import Slot, SlotRecord
from runtime.engine.engine import BeamRules, Engine, Event, Request, Sampling
from runtime.engine.errors import AdapterRefused
from runtime.engine.transfer import Coming
from tests.engine.far import FAR, far_away
from tests.engine.records import random_records
from tests.engine.test_engine import prompt
from tests.tiny import tiny_base

KINDS = ["lora", "dora", "ia3", "lokr"]
CRAMPED: dict[str, Any] = {"cache_tokens": 128, "max_batch": 5, "step_tokens": 9}


def _load(base: Path, run_ahead: str, **options: Any) -> Engine:
    """With four adapters, and one whose numbers are finite and whose products are not."""
    engine = Engine.load(base, run_ahead=run_ahead, **options)
    engine.tokenizer.eos_ids = frozenset({2})
    for kind, record in _records().items():
        engine.attach(kind, record, kind)
    return engine


@cache
def _records() -> dict[str, SlotRecord]:
    huge = Slot(a=torch.full((1, 64), 1e30), b=torch.full((96, 1), 1e30))
    return random_records() | {"huge": SlotRecord("lora", {"model.layers.1.mlp.up_proj": huge})}


@pytest.fixture
def engine(base: Path) -> Iterator[Engine]:
    engine = _load(base, "always")
    engine.tokenizer.eos_ids = frozenset()
    yield engine
    engine.check()
    assert not engine.busy and not engine._progress._flights


# What happens to an engine, in an order that does not depend on when its steps are computed.


@dataclass(frozen=True)
class Deed:
    """Done as soon as `when` has told `events` pieces of news, or is over."""

    when: str | None
    events: int
    do: Callable[[Engine], None]


def _submit(request: Request) -> Callable[[Engine], None]:
    def do(engine: Engine) -> None:
        with suppress(AdapterRefused):
            engine.submit(request)

    return do


def _swap(name: str, other: str) -> Callable[[Engine], None]:
    """The name stands for another adapter from now on, or for none."""

    def do(engine: Engine) -> None:
        if name in engine.attached():
            engine.detach(name)
        if other:
            engine.attach(name, _records()[other], other)

    return do


def _run(engine: Engine, deeds: Sequence[Deed]) -> dict[tuple[str, int], list[Event]]:
    """The news of each answer, in their order; the accounts are checked on the way."""
    told: dict[tuple[str, int], list[Event]] = {}
    counts: dict[str, float] = {}
    waiting = list(deeds)
    steps = 0
    while waiting or engine.busy:
        while waiting and (waiting[0].when is None or counts.get(waiting[0].when, 0) >= waiting[0].events):
            waiting.pop(0).do(engine)
        if waiting and not engine.busy:
            counts[str(waiting[0].when)] = math.inf  # it was refused
        for event in engine.step():
            assert counts.get(event.id) != math.inf, "news of a request that was over"
            told.setdefault((event.id, event.choice), []).append(event)
            counts[event.id] = math.inf if event.over else counts.get(event.id, 0) + 1
        steps += 1
        if steps % 3 == 0:
            engine.check()
    for name in list(engine.attached()):
        engine.detach(name)
    for kind, record in _records().items():
        engine.attach(kind, record, kind)
    engine.check()
    return told


def _any_request(draw: random.Random, grammars: Sequence[Any], number: int) -> Request:
    rules = draw.choice(
        [
            Sampling(),
            Sampling(temperature=1.0, seed=draw.randint(0, 9), frequency_penalty=0.3, presence_penalty=0.2),
            Sampling(temperature=1.3, seed=draw.randint(0, 9), top_p=0.8, top_k=40),
            Sampling(repetition_penalty=1.2, logit_bias=((40, 2.0), (2, 3.0))),
        ]
    )
    options: dict[str, Any] = draw.choice(
        [
            {},
            {},
            {},
            {},
            {"n": 3},
            {"n": 2, "best_of": 3},
            {"logprobs": 2},
            {"speculate": "ngram"},
            {"beams": BeamRules(2)},
        ]
    )
    if "beams" in options:
        rules = Sampling()
    return Request(
        prompt(draw.randint(1, 20), draw.randint(0, 3)) * draw.randint(1, 2),
        draw.randint(1, 16),
        adapter=draw.choice([None, *KINDS, *KINDS, "huge"]),
        sampling=rules,
        grammar=draw.choice([None, None, *grammars]),
        stop=draw.choice([(), (), ("e",), ("th", "\n")]),
        stop_tokens=draw.choice([(), tuple(draw.sample(range(512), 40))]),
        priority=draw.choice([0, 0, 1, -1]),
        id=f"{number}",
        **options,
    )


def _any_deeds(draw: random.Random, engine: Engine) -> list[Deed]:
    """Requests of every kind; some are cancelled, and adapters go and come while they run."""
    bound = [engine.compile_grammar('root ::= "{" [a-z ]* "}"'), engine.compile_grammar({"$ref": "#"})]
    requests = [_any_request(draw, bound, number) for number in range(12)]
    deeds = []
    for number, request in enumerate(requests):
        when = draw.choice(requests[:number]).id if number and draw.random() < 0.5 else None
        deeds.append(Deed(when, draw.randint(1, 8), _submit(request)))
        plain = request.n == 1 and request.beams is None and request.speculate is None  # one token a step
        if plain and draw.random() < 0.3:
            deeds.append(Deed(request.id, draw.randint(0, 6), lambda engine, id=request.id: engine.cancel(id)))
        if draw.random() < 0.2:
            deeds.append(Deed(request.id, draw.randint(1, 4), _swap(draw.choice(KINDS), draw.choice([*KINDS, ""]))))
    return deeds


@cache
def _engines() -> tuple[Engine, Engine]:
    """One that waits for each token before it goes on, and one that runs ahead."""
    import tempfile

    with tempfile.TemporaryDirectory() as directory:
        base = tiny_base(directory)
        return _load(base, "never", **CRAMPED), _load(base, "always", **CRAMPED)


@given(st.integers(0, 10**6))
@settings(max_examples=10, deadline=None)
def test_any_traffic_is_told_the_same_news_as_without(seed: int) -> None:
    """Little memory, tiny steps: people come, are sent back, cancelled, stopped by tokens, strings and grammars, and fail."""
    waits, runs = _engines()
    known, found = (_run(each, _any_deeds(random.Random(seed), each)) for each in (waits, runs))
    assert found.keys() == known.keys()
    for answer, news in found.items():
        assert len(news) == len(known[answer])
        for mine, theirs in zip(news, known[answer], strict=True):
            _assert_same(mine, theirs)


def _assert_same(mine: Event, theirs: Event) -> None:
    """But for rounding, and for what was found in the cache and which answer came last: both depend on the company."""
    for event in (mine, theirs):
        assert event.result is None or event.result.finish_reason in ("stop", "length", "cancelled", "error")
    assert (mine.token, mine.text) == (theirs.token, theirs.text)
    if mine.logprob is not None and theirs.logprob is not None:
        assert mine.logprob.logprob == pytest.approx(theirs.logprob.logprob, abs=1e-3)
    assert (mine.logprob is None) == (theirs.logprob is None) and (mine.result is None) == (theirs.result is None)
    if mine.result is None or theirs.result is None:
        return
    assert mine.result.score == pytest.approx(theirs.result.score, abs=1e-3)
    a, b = (
        replace(result, usage=replace(result.usage, cached_tokens=0), logprobs=(), score=None)
        for result in (mine.result, theirs.result)
    )
    assert a == b


def test_without_memory_pressure_every_step_tells_the_same_as_without(base: Path) -> None:
    """Not only the same news: at the same time, in the same order, with the same usage."""
    told = []
    for run_ahead in ("never", "always"):
        engine = _load(base, run_ahead)
        grammar = engine.compile_grammar("root ::= [a-z ]+")
        for number in range(12):
            request = Request(
                prompt(3 + 5 * number, number % 4),
                4 + number,
                adapter=[None, *KINDS][number % 5],
                sampling=Sampling(temperature=number % 2, seed=number),
                grammar=grammar if number % 3 == 0 else None,
                stop=("e",) if number % 4 == 0 else (),
                id=f"{number}",
            )
            engine.submit(request)
        steps = []
        while engine.busy:
            steps.append(engine.step())
        told.append(steps)
        engine.check()
    assert told[0] == told[1] and len(told[0]) > 12


def test_blocks_are_known_by_the_tokens_that_they_hold(base: Path) -> None:
    """Also where the step that filled one was computed in vain: what two engines know by one name is the same."""
    known, found = (_load(base, run_ahead, cache_tokens=2048) for run_ahead in ("never", "always"))
    for engine in (known, found):
        engine.tokenizer.eos_ids = frozenset(range(0, 512, 7))
        for salt in range(3):
            engine.generate(
                [Request(prompt(20 + number, salt), 40, adapter=[None, *KINDS][number % 5]) for number in range(12)]
            )
        engine.check()
    names = found._scheduler.cache._block_of
    assert names.keys() == known._scheduler.cache._block_of.keys() and len(names) > 12
    for name, block in names.items():
        theirs = known._runner.pages.data[known._scheduler.cache._block_of[name]]
        torch.testing.assert_close(found._runner.pages.data[block], theirs, atol=1e-4, rtol=1e-3)


def _followed(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is done, in its order: passes of the model, choices and readings."""
    done: list[str] = []
    forward, begin, read = engine.model.forward, Coming.__init__, Coming.read

    def followed_forward(*args: Any, **options: Any) -> Any:
        done.append("pass")
        return forward(*args, **options)

    def followed_begin(self: Coming, *tensors: Any) -> None:
        done.append("choice")
        begin(self, *tensors)

    def followed_read(self: Coming) -> Any:
        done.append("reading")
        return read(self)

    monkeypatch.setattr(engine.model, "forward", followed_forward)
    monkeypatch.setattr(Coming, "__init__", followed_begin)
    monkeypatch.setattr(Coming, "read", followed_read)
    return done


def test_the_next_pass_begins_before_tokens_are_read_grammar_or_not(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.tokenizer.eos_ids = frozenset({2})
    grammar = engine.compile_grammar("root ::= [a-z ]{40}")
    rules = Sampling(temperature=1.0, seed=3, repetition_penalty=1.1)
    for number in range(4):
        bound = grammar if number % 2 else None
        engine.submit(Request(prompt(9, number), 10, adapter=KINDS[number], grammar=bound, sampling=rules, logprobs=1))
    done = _followed(engine, monkeypatch)
    while engine.busy:
        engine.step()
    assert done == ["pass", "choice", *["pass", "reading", "choice"] * 9, "reading"]


@pytest.mark.parametrize("options", [{"beams": BeamRules(2)}, {"speculate": "ngram"}])
def test_what_depends_on_more_than_the_last_token_waits(
    engine: Engine, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.submit(Request(prompt(9), 10, **options))
    engine.step()
    done = _followed(engine, monkeypatch)
    while engine.busy:
        engine.step()
    assert "pass reading" not in " ".join(done).replace("pass choice reading", "")


def test_no_step_waits_for_the_device_but_to_read_its_tokens(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a device that writes every wait down."""
    rules = [
        Sampling(),
        Sampling(temperature=1.0, seed=1),
        Sampling(temperature=1.0, top_p=0.8, top_k=20, seed=3),
        Sampling(repetition_penalty=1.2, frequency_penalty=0.2, logit_bias=((5, 1.0),)),
    ]
    near = _load(base, "never", cache_tokens=2048)
    grammar = near.compile_grammar("root ::= [a-z ]+")
    adapters = [None, *KINDS]

    def requests() -> list[Request]:
        return [
            Request(
                prompt(5 + number, number),
                20,
                adapter=adapters[number % 5],
                sampling=rules[number % 4],
                logprobs=2 if number % 2 else None,
                grammar=grammar if number % 3 == 0 else None,
            )
            for number in range(10)
        ]

    known = [result.tokens for result in near.generate(requests())]
    with far_away(base, monkeypatch, run_ahead="always", cache_tokens=2048) as (engine, journey):
        engine.tokenizer.eos_ids = near.tokenizer.eos_ids
        for kind in KINDS:
            engine.attach(kind, _records()[kind], kind)
        journey.waits.clear()
        found = [result.tokens for result in engine.generate(requests())]
    assert found == known
    assert journey.waits == []


def test_that_device_sees_who_waits_for_it(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with far_away(base, monkeypatch) as (_, journey):
        numbers = torch.arange(4, device=FAR)
        assert journey.waits == []
        for wait in (
            lambda: torch.tensor([1.0]).to(FAR),
            lambda: int(numbers[0]),
            lambda: numbers[numbers > 1],
            lambda: numbers.cpu(),
        ):
            journey.waits.clear()
            wait()
            assert len(journey.waits) == 1
        with pytest.raises(AssertionError, match="the host's numbers"):
            numbers[[0, 2]]
        with pytest.raises(RuntimeError, match="tolist"):
            numbers.tolist()


def test_a_request_that_ends_was_computed_once_in_vain_and_leaves_its_seat(engine: Engine) -> None:
    free = engine.generate([Request(prompt(9), 30)])[0]
    engine.submit(Request(prompt(9), 30, stop_tokens=(free.tokens[5],), id="a"))
    engine.submit(Request(prompt(9, 1), 30, id="b"))
    news: list[Event] = []
    while not any(event.over for event in news):
        news += engine.step()
        engine.check()
    assert [event.token for event in news if event.id == "a" and event.token is not None] == free.tokens[
        : free.tokens.index(free.tokens[5])
    ]
    assert len(engine._scheduler.running) == 1 and len(engine._progress._flights[0].rows) == 1
    while engine.busy:
        news += engine.step()
    assert sum(event.over for event in news) == 2


def test_who_is_cancelled_while_a_token_is_on_its_way_never_hears_of_it(engine: Engine) -> None:
    known = engine.generate([Request(prompt(9), 30)])[0].tokens
    engine.submit(Request(prompt(9), 30, id="a"))
    told = [event for _ in range(4) for event in engine.step()]
    engine.cancel("a")
    assert not engine._progress._flights, "nobody is left to read them for"
    told += engine.step()
    assert [event.token for event in told] == [*known[:4], None]
    result = told[-1].result
    assert result is not None and result.tokens == known[:4] and result.usage.completion_tokens == 4
    engine.submit(Request(prompt(9), 5, id="a"))  # the same name again is another request
    while engine.busy:
        told = engine.step()
    assert told[-1].result is not None and told[-1].result.tokens == known[:5]


def test_the_last_token_that_a_request_may_have_is_no_reason_to_compute_again(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = _followed(engine, monkeypatch)
    engine.generate([Request(prompt(9), 7)])
    assert done.count("pass") == 7


def test_an_adapter_may_leave_while_a_step_with_it_is_under_way(engine: Engine) -> None:
    known = engine.generate([Request(prompt(9), 12, adapter="dora")])[0].tokens
    engine.submit(Request(prompt(9), 12, adapter="dora", id="a"))
    told = [event for _ in range(3) for event in engine.step()]
    engine.detach("dora")
    engine.attach("dora", _records()["ia3"], "another")
    while engine.busy:
        told += engine.step()
    assert [event.token for event in told if event.token is not None] == known


def test_memory_that_runs_out_ahead_ends_the_request_it_belongs_to(engine: Engine) -> None:
    """The pass of a step that runs ahead fails for everybody, then for one: the others get their tokens all the same."""
    requests = [Request(prompt(9, number), 12, adapter=KINDS[number], id=f"{number}") for number in range(3)]
    known = [result.tokens for result in engine.generate(requests)]
    for request in requests:
        engine.submit(request)
    told = [event for _ in range(4) for event in engine.step()]
    forward = engine.model.forward
    calls = iter([True, False, True])

    def failing(batch: Any, pages: Any) -> torch.Tensor:
        if next(calls, False):
            raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 GiB.\nstack")
        return forward(batch, pages)

    engine.model.forward = failing  # type: ignore[method-assign]
    while engine.busy:
        told += engine.step()
        engine.check()
    results = {event.id: event.result for event in told if event.result is not None}
    assert results["1"].error is not None and "CUDA out of memory" in results["1"].error
    assert results["1"].tokens == known[1][:5]
    assert [results[id].tokens for id in ("0", "2")] == [known[0], known[2]]


def test_nobody_is_sent_back_for_a_block_that_is_about_to_be_free(base: Path) -> None:
    """Of three blocks one has three tokens and its answer's end, the other two have 32; in the step after, a fourth is wanted."""
    engine = _load(base, "always", cache_tokens=48)
    engine.tokenizer.eos_ids = frozenset()
    short = next(each for salt in range(40) if (each := prompt(3, salt)) and _is_new(_answer(engine, each, 13)))
    known = _answer(engine, prompt(20), 20)
    engine.submit(Request(short, 20, stop_tokens=(_answer(engine, short, 13)[-1],), id="short"))
    engine.submit(Request(prompt(20), 20, id="long"))
    told: list[Event] = []
    while engine.busy:
        told += engine.step()
        engine.check()
    results = {event.id: event.result for event in told if event.result is not None}
    assert (results["short"].finish_reason, len(results["short"].tokens)) == ("stop", 12)
    assert results["long"].tokens == known and not engine._scheduler.preempted


def _answer(engine: Engine, tokens: list[int], size: int) -> list[int]:
    return engine.generate([Request(tokens, size)])[0].tokens


def _is_new(answer: list[int]) -> bool:
    return answer[-1] not in answer[:-1]


def test_an_answer_that_forked_off_without_a_seat_is_seated_when_its_beginning_is_whole(base: Path) -> None:
    """Its first token is on its way, in a step that ran ahead, when somebody's cancellation leaves a seat."""
    engine = _load(base, "always", max_batch=2)
    many = Request(prompt(9), 12, n=2, sampling=Sampling(temperature=1.0, seed=4), id="many")
    known = [result.tokens for result in engine.generate_all([many])[0]]
    engine.submit(Request(prompt(9, 1), 30, id="other"))
    for _ in range(2):
        engine.step()
    engine.submit(many)
    engine.step()
    assert [sequence.awaited for sequence in engine._scheduler.waiting] == [1]
    engine.cancel("other")
    results: dict[int, Any] = {}
    while engine.busy:
        results |= {event.choice: event.result for event in engine.step() if event.id == "many" and event.result}
        engine.check()
    assert [results[choice].tokens for choice in range(2)] == known


def test_who_is_more_urgent_gets_a_seat_although_steps_run_ahead(base: Path) -> None:
    engine = _load(base, "always", max_batch=2)
    engine.tokenizer.eos_ids = frozenset()
    for number in range(2):
        engine.submit(Request(prompt(9, number), 40, id=f"slow {number}"))
    for _ in range(3):
        engine.step()
    engine.submit(Request(prompt(9, 5), 3, priority=-1, id="urgent"))
    order = []
    while engine.busy:
        order += [event.id for event in engine.step() if event.over]
        engine.check()
    assert order == ["urgent", "slow 0", "slow 1"] and engine._scheduler.preempted == 1


@pytest.mark.parametrize(("wanted", "expected"), [("auto", False), ("never", False), ("always", True)])
def test_a_cpu_runs_ahead_only_if_told_to(base: Path, wanted: str, expected: bool) -> None:
    assert Engine.load(base, run_ahead=wanted)._progress._run_ahead is expected
