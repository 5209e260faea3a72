"""A repaired document keeps what the broken one said; nothing right is doubted, and little that is wrong is not."""

import json
import random

import pytest

from expertbuild.data.generators import json_repair
from runtime.checks import doubted, remark


def asks(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


@pytest.mark.parametrize(
    ("asked", "answer", "doubt"),
    [
        ("Fix: {'fee': 3.05, 'max_load': 0, 'shelf': 8}", '{"fee":3.05,"max_load":0,"shelf":8}', False),
        ("Fix: {'fee': 3.05, 'max_load': 0, 'shelf': 8}", '{"fee":3.05,"max_load":8}', True),
        ('["a", "b"', '["a","b"]', False),
        ('["a", "b"', '["a","b","a"]', True),
        ('["a", "b"', '["a","b"', True),
        ('{t": 1}', '{"t":1}', False),
        ('{t": 1}', '{"t":1,"t":1}', True),
        ("{a: True, b: None} Thanks!", '{"a":true,"b":null}', False),
        ("[007, .5, 1_000]", "[7,0.5,1000]", False),
        ("[1, // the first\n 2]", "[1,2]", False),
        ('["d16 = 1; # final"]', '["d16 = 1; # final"]', False),
        ("There is nothing in 'this'.", '{"error":"no JSON"}', False),
        ("Nothing.", '{"a":1}', True),
    ],
)
def test_what_was_lost_or_said_twice_is_doubted(asked: str, answer: str, doubt: bool) -> None:
    assert doubted("json_kept", asks(asked), answer) == doubt
    assert remark("json_kept", asks(asked), answer) == "", "JSON has no comments"


def test_no_right_answer_is_doubted_and_most_that_lost_something_are() -> None:
    rng = random.Random("kept")
    wrong, seen = 0, 0
    for number in range(3000):
        words, phrasings = ("train", "held_out") if number % 2 else ("held_out", "train")
        row = json_repair.draw(rng, words=words, phrasings=phrasings)
        wrong += doubted("json_kept", row["messages"], row["answer"])
        document = json.loads(row["answer"])
        if isinstance(document, list) and len(document) > 1 and isinstance(document[-1], str) and document[-1] != "":
            seen += doubted("json_kept", row["messages"], json.dumps(document[:-1]))
    assert wrong <= 3, wrong
    assert seen > 50
