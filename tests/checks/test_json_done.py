"""What comes of a document is what was asked of it: each operation's own result is taken, and what another gives is doubted."""

import json
import random
import time
from types import ModuleType
from typing import Any

import pytest

from expertbuild.data.generators import json_schema_of, json_style, json_transform
from runtime.checks import doubted

ONE = '{"a": 1, "b": null, "c": "x"}'
ITEMS = [{"n": 2, "k": "x"}, {"n": 9, "k": "y"}, {"n": 5, "k": "x"}]
LOW, HIGH, MIDDLE = ITEMS
MANY = json.dumps(ITEMS)
NUMBERS = "[3, 1, 2]"


def asks(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


@pytest.mark.parametrize(
    ("asked", "right", "wrong"),
    [
        (f"Keep only a and c.\n{ONE}", {"a": 1, "c": "x"}, {"b": None}),
        (f"Drop everything but a.\n{ONE}", {"a": 1}, {"b": None, "c": "x"}),
        (f"Keep a and leave out the rest:\n{ONE}", {"a": 1}, {"b": None, "c": "x"}),
        (f'Delete "a", please.\n{ONE}', {"b": None, "c": "x"}, {"a": 1}),
        (f"Give me all of it but c.\n{ONE}", {"a": 1, "b": None}, {"c": "x"}),
        (f"Rename a to total.\n{ONE}", {"total": 1, "b": None, "c": "x"}, {"a": 1, "b": None, "c": "x"}),
        (f"Remove the nulls.\n{ONE}", {"a": 1, "c": "x"}, {"a": 1, "b": None, "c": "x"}),
        (f"{MANY}\nList the k of each item.", ["x", "y", "x"], ["x", "y"]),
        (f"{MANY}\nSort by n, highest first.", [HIGH, MIDDLE, LOW], ITEMS),
        (f"{MANY}\nHow many items are there?", 3, 2),
        (f"{MANY}\nCount the items whose k is x.", 2, 3),
        (f"{MANY}\nKeep the items where n is above 4.", [HIGH, MIDDLE], [LOW]),
        (f"{MANY}\nThe items where n is below 5.", [LOW], [HIGH, MIDDLE]),
        (f"Sort this list.\n{NUMBERS}", [1, 2, 3], [3, 2, 1]),
        (f"{NUMBERS}\nSort the list in reverse.", [3, 2, 1], [1, 2, 3]),
        (f"Repair this.\n{ONE}", json.loads(ONE), {"a": 1}),
        (f"Why is a an error here? Give me valid JSON.\n{ONE}", json.loads(ONE), {"b": None}),
        (f"This is about a.\n{ONE}", json.loads(ONE), {"a": 1}),
        (f"Remove z.\n{ONE}", {"error": "no key z"}, {"error": "no key a"}),
        (f"{MANY}\nList the z of each item.", {"error": "no key z"}, {"error": "no key n"}),
        ("Make a schema for this.\n[1]", {"type": "array", "items": {"type": "integer"}}, {"type": "array"}),
        ("Bob is 7.\nFill in: " + '{"name": "", "age": null}', {"name": "Bob", "age": 7}, {"name": "Ann", "age": 7}),
    ],
)  # fmt: skip
def test_what_was_asked_is_told_from_what_was_not(asked: str, right: object, wrong: object) -> None:
    assert not doubted("json_kept", asks(asked), json.dumps(right))
    assert doubted("json_kept", asks(asked), json.dumps(wrong))


@pytest.mark.parametrize(
    ("asked", "right", "wrong"),
    [
        ("Indent this: {'b': 1}", '{\n  "b": 1\n}', '{"b":1}'),
        ('On one line, please: {"b": 1}', '{"b":1}', '{\n  "b": 1\n}'),
        ('Sort the keys of this: {"b": 1, "a": 2}', '{"a":2,"b":1}', '{"b":1,"a":2}'),
    ],
)
def test_a_document_is_written_as_it_should_be(asked: str, right: str, wrong: str) -> None:
    assert not doubted("json_kept", asks(asked), right)
    assert doubted("json_kept", asks(asked), wrong)


@pytest.mark.parametrize("task", [json_style, json_schema_of, json_transform])
def test_no_right_answer_is_doubted(task: ModuleType) -> None:
    rng = random.Random("done")
    for number in range(600):
        words, phrasings = ("train", "held_out") if number % 2 else ("held_out", "train")
        row = task.draw(rng, words=words, phrasings=phrasings)
        assert not doubted("json_kept", row["messages"], row["answer"]), row


def test_a_document_that_is_given_back_as_it_was_is_doubted() -> None:
    """Where something was to be done to it."""
    rng, seen, count = random.Random("same"), 0, 0
    for _ in range(600):
        row = json_transform.draw(rng)
        asked = row["messages"][-1]["content"]
        start, end = min(at for at in map(asked.find, "[{") if at >= 0), max(map(asked.rfind, "]}"))
        given = json.loads(asked[start : end + 1])
        if given != row["facts"]["expected"] and "no such key" not in row["stratum"]:
            count += 1
            seen += doubted("json_kept", row["messages"], json.dumps(given))
    assert count > 400 and seen > 0.98 * count  # a few have "wrong" among their values


ODD = (None, True, -1, 2.5, "", "a", [], [[]], [{}], [1, "a"], {}, {"a": None}, {"type": []}, {"error": ["a"]})


def test_an_odd_answer_is_only_doubted() -> None:
    """Whatever stands at any place of a right one."""
    rng = random.Random("odd")
    for number in range(900):
        row = (json_schema_of, json_transform, json_style)[number % 3].draw(rng)
        answer = [json.loads(row["answer"])]
        at: Any = answer
        while isinstance(at, dict | list) and at:
            key = rng.choice([*at]) if isinstance(at, dict) else rng.randrange(len(at))
            if rng.random() < 0.4:
                at[key] = rng.choice(ODD)
                break
            at = at[key]
        doubted("json_kept", row["messages"], json.dumps(answer[0]))


@pytest.mark.parametrize(
    "asked",
    [
        "[" * 20_000,
        "sort keys " * 2_000 + ONE,
        "Keep " + " ".join(f"k{number}" for number in range(400)) + ": " + json.dumps({f"k{n}": n for n in range(400)}),
        json.dumps([{"n": number} for number in range(500)]) + " count where n is 7 " + "above 3 " * 100,
        "[" * 900 + "]" * 900 + " sort the keys",
    ],
    ids=["brackets", "words", "keys", "items", "deep"],
)
def test_it_reads_in_bounded_time(asked: str) -> None:
    begun = time.process_time()
    for answer in ("[]", "{}", "3", "[" * 900 + "]" * 900):
        doubted("json_kept", asks(asked), answer)
    assert time.process_time() - begun < 2
