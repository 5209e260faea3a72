"""A value that was told for one key is doubted where it stands for two, and a key without the value that the text names."""

import json
import random
import time
from typing import Any

import pytest

from expertbuild.data.generators import text_to_json
from runtime.checks import doubted, passed, remark

TEXT = "Emma Khan sends 2.2 kg from Genoa to Bologna on 2004-07-23T06:35. Its code: 26.\nsender, receiver, weight, code"


def asked(text: str = TEXT) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


@pytest.mark.parametrize(
    "answer",
    [
        {"sender": "Emma Khan", "receiver": "Emma Khan"},
        {"sender": "Emma", "receiver": "Emma Khan"},
        {"weight": 2.2, "receiver": 2.2},
        {"sender": "Nobody"},
        {"code": None, "weight": 2.2},
        {"receiver": None, "weight": None},
        {"list": ["Genoa", {"of": "Genoa"}]},
    ],
)
def test_what_was_told_once_is_doubted_twice(answer: Any) -> None:
    assert doubted("json_told", asked(), json.dumps(answer))
    assert not remark("json_told", asked(), json.dumps(answer))


@pytest.mark.parametrize(
    "answer",
    [
        {"sender": "Emma Khan", "receiver": None, "weight": 2.2, "code": 26},
        {"time": "06:35", "date": "2004-07-23", "receiver": None, "known": True, "said": True},
        {"error": "not told"},
        [],
        {},
    ],
)
def test_what_was_told_is_not_doubted(answer: Any) -> None:
    assert not doubted("json_told", asked(), json.dumps(answer))


@pytest.mark.parametrize(
    ("text", "right", "wrong"),
    [
        ("Three boxes, 1,200 kg. boxes, weight", {"boxes": 3, "weight": 1200}, {"boxes": 4, "weight": 1200}),
        (
            'lot number: 375, order: 12. {"lot_number": "", "order": ""}',
            {"lot_number": 375, "order": 12},
            {"lot_number": 12, "order": 375},
        ),
        ('A box. ["size", "name"]', {"size": None, "name": "box"}, {"size of": None, "name": "box"}),
        ("number: 1234567. number", {"number": 1234567}, {"number": 1234568}),
        ("a weight of 3.50, 0.5 and 07. x, y, z", {"x": 3.5, "y": 0.5, "z": 7}, {"x": 3.05, "y": 0.5, "z": 7}),
        (f"It is {'9' * 400}. number", {"number": int("9" * 400)}, {"number": int("9" * 399 + "8")}),
        ("hobby chess. hobby and name", {"hobby": "chess", "name": None}, {"hobby": "hobby", "name": None}),
        ("kind = Bern / city = Rome. kind, city", {"kind": "Bern", "city": "Rome"}, {"kind": "Rome", "city": "Bern"}),
    ],
)
def test_a_value_is_the_one_that_the_text_says(text: str, right: Any, wrong: Any) -> None:
    assert not doubted("json_told", asked(text), json.dumps(right))
    assert doubted("json_told", asked(text), json.dumps(wrong))


def test_what_is_no_document_is_doubted() -> None:
    assert doubted("json_told", asked(), '{"sender": ')
    assert passed("json_told", asked(), ['{"sender": ', '{"sender": "Genoa"}']) == 1


def test_a_right_answer_is_hardly_ever_doubted() -> None:
    rng, doubts = random.Random(4), 0
    for number in range(1000):
        words, phrasings = ("train", "held_out") if number % 2 else ("held_out", "train")
        row = text_to_json.draw(rng, words=words, phrasings=phrasings)
        doubts += doubted("json_told", row["messages"], row["answer"])
    assert doubts <= 15


@pytest.mark.parametrize("answer", ["[" * 50_000, '{"a":' * 50_000, json.dumps(dict.fromkeys(map(str, range(2_000))))])
def test_a_hostile_answer_takes_a_moment(answer: str) -> None:
    begun = time.thread_time()
    doubted("json_told", asked("a b " * 20_000), answer)
    assert time.thread_time() - begun < 5
