"""Who advances: urgent requests first, experts in turns, and nobody for ever."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.engine.engine import Engine, Request
from runtime.engine.sequence import Sequence
from runtime.engine.waiting import Waiting
from tests.engine.records import random_records
from tests.engine.test_engine import prompt


@pytest.fixture
def engine(base: Path) -> Iterator[Engine]:
    """Two seats."""
    engine = Engine.load(base, max_batch=2, step_tokens=64)
    engine.tokenizer.eos_ids = frozenset()
    yield engine
    engine.check()
    assert not engine.busy


def _ends(engine: Engine) -> list[str]:
    """The requests in the order in which they end."""
    order = []
    while engine.busy:
        order += [event.id for event in engine.step() if event.over]
        engine.check()
    return order


def test_urgent_requests_go_first_and_equal_ones_in_their_order(engine: Engine) -> None:
    for number, priority in enumerate([5, 5, 0, -3, 0]):
        engine.submit(Request(prompt(9, number), 4, priority=priority, id=f"{number}"))
    assert _ends(engine) == ["3", "2", "4", "0", "1"]


def test_an_urgent_request_takes_the_seat_of_a_less_urgent_one_which_loses_nothing(engine: Engine) -> None:
    slow = [Request(prompt(9, number), 20, id=f"slow {number}") for number in range(2)]
    expected = [result.tokens for result in engine.generate(slow)]
    for request in slow:
        engine.submit(request)
    news = [event for _ in range(3) for event in engine.step()]
    engine.submit(Request(prompt(9, 5), 3, priority=-1, id="urgent"))
    while engine.busy:
        news += engine.step()
    assert engine._scheduler.preempted == 1
    assert [event.id for event in news if event.over] == ["urgent", "slow 0", "slow 1"]
    for request, tokens in zip(slow, expected, strict=True):
        assert [e.token for e in news if e.id == request.id and e.token is not None] == tokens


def test_experts_take_turns(engine: Engine) -> None:
    """One expert's long queue does not keep another's single request waiting until its end."""
    for kind, record in random_records().items():
        engine.attach(kind, record, kind)
    for number in range(8):
        engine.submit(Request(prompt(9, number), 6, adapter="lora", id=f"lora {number}"))
    engine.step()
    engine.submit(Request(prompt(9, 20), 6, adapter="ia3", id="ia3"))
    order = _ends(engine)
    assert order.index("ia3") <= 3, "two were being answered, and its turn came right after them"
    assert [name for name in order if name != "ia3"] == [f"lora {number}" for number in range(8)]


def test_being_away_earns_nothing(engine: Engine) -> None:
    """An expert that comes back begins beside the others, not with all the turns that it never asked for."""

    def sequence(expert: str, arrival: int) -> Sequence:
        made = Sequence(
            Request([5], 1, id=str(arrival)),
            adapter=None,
            matcher=None,
            limit=9,
            root=b"",
            tokenizer=engine.tokenizer,
            vocabulary=512,
        )
        made.expert, made.arrival = expert, arrival
        return made

    waiting = Waiting()
    for arrival, expert in enumerate(["a", "a", "a"]):
        one = sequence(expert, arrival)
        waiting.join(one)
        waiting.opened(one)
        waiting.serve(one, 1000)
    late = sequence("b", 9)
    waiting.join(late)
    waiting.opened(late)
    assert waiting._served["b"] == waiting._served["a"] == 3000
    assert waiting.first() is not late, "equals go in the order in which they came"
    waiting.serve(sequence("a", 0), 1)
    assert waiting.first() is late


def test_a_long_prompt_does_not_keep_others_from_decoding(engine: Engine) -> None:
    engine.submit(Request(prompt(5), 30, id="short"))
    engine.step()
    engine.submit(Request(prompt(400), 2, id="long"))
    told = [event.id for _ in range(6) for event in engine.step()]
    assert told == ["short"] * 6, "63 tokens of the prompt at a time, beside the other's one"
    _ends(engine)
