"""Texts and what they tell: the answer is in the text, once, and what is held out is never trained on."""

import json
import random
from collections import Counter
from hashlib import sha256
from typing import Any

import pytest

from expertbuild.data.generators import text_to_json
from expertbuild.data.generators.phrases import strange_words
from expertbuild.data.generators.told import GENRES, SAID
from expertbuild.data.generators.told_values import KINDS, NUMBER_WORDS
from expertbuild.data.generators.words import is_held_out
from expertbuild.data.rows import dump
from expertbuild.evaluation.scorers import json_equal
from tests.data.samples import untrained_runs

NOTHING = "text, nothing told"


def rows(count: int, **options: Any) -> list[dict[str, Any]]:
    rng = random.Random("test")
    return [text_to_json.draw(rng, **options) for _ in range(count)]


def test_what_a_seed_writes_is_pinned() -> None:
    """It is part of every dataset's identity: a change here changes every build."""
    assert rows(20) == rows(20)
    assert sha256("\n".join(map(dump, rows(50))).encode()).hexdigest()[:16] == PINNED


def test_every_genre_comes_up_with_few_keys_and_many() -> None:
    for part in ("train", "held_out"):
        counts = Counter(row["stratum"] for row in rows(1500, words=part, phrasings=part))
        assert len(counts) == 2 * len(GENRES) + 1
        assert min(counts.values()) >= 25


@pytest.mark.parametrize("part", ["train", "held_out"])
def test_a_text_that_tells_none_of_the_keys_is_answered_by_an_error(part: str) -> None:
    every = rows(1500, words=part, phrasings=part)
    lost = [row for row in every if row["stratum"] == NOTHING]
    assert 0.03 < len(lost) / len(every) < 0.055
    assert {row["answer"] for row in lost} == {'{"error":"not told"}'}
    assert all(any(value is not None for value in row["facts"]["expected"].values()) for row in every)


def test_fewer_keys_are_asked_for_where_fewer_are_wanted() -> None:
    found = {len(row["facts"]["expected"]) for row in rows(500, most=3) if row["stratum"] != NOTHING}
    assert found == {2, 3}


@pytest.mark.parametrize("part", ["train", "held_out"])
def test_answers_are_compact_objects_with_the_keys_that_were_asked_for(part: str) -> None:
    for row in rows(1500, words=part, phrasings=part):
        expected = row["facts"]["expected"]
        assert row["answer"] == json.dumps(expected, ensure_ascii=False, separators=(",", ":"))
        assert json_equal.score(row["answer"], row).value == 1
        if row["stratum"] == NOTHING:
            continue
        assert 2 <= len(expected) <= 5
        assert all(key in row["messages"][0]["content"] for key in expected)


@pytest.mark.parametrize("part", ["train", "held_out"])
def test_values_stand_in_the_text_as_they_are_or_as_what_they_mean(part: str) -> None:
    for row in rows(1500, words=part, phrasings=part):
        if row["stratum"] == NOTHING:
            continue
        asked = row["messages"][0]["content"]
        for value in row["facts"]["expected"].values():
            if isinstance(value, str):
                assert value in asked, (value, asked)
            elif isinstance(value, int | float) and not isinstance(value, bool):
                ways = [str(value), f"{value:,}", f"{value:.2f}"]
                ways += [NUMBER_WORDS[int(value)]] if value in range(len(NUMBER_WORDS)) else []
                assert any(way in asked or way.capitalize() in asked for way in ways), (value, asked)


def test_some_keys_are_null_and_most_are_not() -> None:
    values = [value for row in rows(1000) for value in row["facts"]["expected"].values()]
    assert 0.1 < sum(value is None for value in values) / len(values) < 0.3


@pytest.mark.parametrize("kind", ["full_name", "city", "color", "status", "job", "product", "street", "house"])
def test_values_of_training_and_values_held_out_do_not_mix(kind: str) -> None:
    rng = random.Random("values")
    for part in ("train", "held_out"):
        for _ in range(200):
            words = str(KINDS[kind](rng, part).value).removesuffix(" Street").split()
            assert [is_held_out(word) for word in words] == [part == "held_out"] * len(words)


def test_keys_that_are_named_by_any_words_are_of_the_same_side() -> None:
    known = {"error"} | {
        form.text for genre, fields in GENRES.items() for field in fields for form in SAID[f"{genre}_{field}_key"]
    }
    keys = {
        part: {key for row in rows(1500, words=part) for key in row["facts"]["expected"] if key.islower()} - known
        for part in ("train", "held_out")
    }
    spaced = {key.replace("_", " ") for key in known}
    assert len(keys["train"]) > 100
    assert not (keys["train"] & keys["held_out"]) - spaced


def test_every_field_has_its_words() -> None:
    for genre, fields in GENRES.items():
        assert f"{genre}_opening" in SAID
        assert f"{genre}_it" in SAID
        for field, kind in fields.items():
            assert kind in KINDS
            ends = ("_yes", "_no", "_yes_bit", "_no_bit", "_key") if kind == "flag" else ("", "_bit", "_key")
            assert not [end for end in ends if f"{genre}_{field}{end}" not in SAID], (genre, field)


def test_a_field_is_called_as_no_other_of_its_genre() -> None:
    for genre, fields in GENRES.items():
        called = Counter(form.text for field in fields for form in SAID[f"{genre}_{field}_key"])
        assert not [name for name, count in called.items() if count > 1], genre


def test_the_words_of_held_out_forms_are_trained_in_others() -> None:
    assert strange_words(SAID) == set()
    held = sum(form.held_out for forms in SAID.values() for form in forms)
    assert 0.15 < held / sum(len(forms) for forms in SAID.values()) < 0.35


def test_held_out_phrasings_are_new() -> None:
    new = untrained_runs(rows(3000, phrasings="train"), rows(3000, phrasings="held_out"), often=15)
    assert len(new) >= 8


PINNED = "c09c9b827d03a772"
