"""Questions about graphs: each has one answer, which the engine runs, and what is held out is never trained on."""

import random
import re
from collections import Counter
from hashlib import sha256
from typing import Any

import pytest

from expertbuild.data.generators import text_to_cypher
from expertbuild.data.generators.corpus import cypher_text
from expertbuild.data.generators.cypher_questions import SAID, STRATA
from expertbuild.data.generators.phrases import size, strange_words
from expertbuild.data.generators.relation_words import verbs
from expertbuild.data.generators.words import is_held_out, words
from expertbuild.data.rows import dump
from expertbuild.evaluation.scorers.cypher_graphs import graph
from expertbuild.evaluation.scorers.cypher_tokens import tokens
from tests.data.samples import untrained_runs

LOST = "no such property"


def rows(count: int, **options: Any) -> list[dict[str, Any]]:
    rng = random.Random("test")
    return [text_to_cypher.draw(rng, **options) for _ in range(count)]


def test_what_a_seed_writes_is_pinned() -> None:
    """It is part of every dataset's identity: a change here changes every build."""
    assert rows(20) == rows(20)
    assert sha256("\n".join(map(dump, rows(50))).encode()).hexdigest()[:16] == PINNED


def test_every_stratum_comes_up_on_both_sides() -> None:
    for part in ("train", "held_out"):
        counts = Counter(row["stratum"] for row in rows(1500, words=part, phrasings=part))
        assert set(counts) == {*STRATA, LOST}
        assert min(counts.values()) >= 40


@pytest.mark.parametrize("part", ["train", "held_out"])
def test_a_property_that_no_node_has_is_told_below_the_query(part: str) -> None:
    lost = [row for row in rows(1500, words=part, phrasings=part) if row["stratum"] == LOST]
    assert 0.03 < len(lost) / 1500 < 0.05
    for row in lost:
        found = re.fullmatch(r"MATCH .*\n// cannot: (\w+) has no property (\w+)", row["answer"])
        assert found
        assert found[2] not in {name for each in graph(row["facts"]["graph"]).labels.values() for name in each}
        asked = row["messages"][0]["content"].replace(row["facts"]["graph"], "")
        assert found[2].replace("_", " ") in asked.replace("_", " ").lower()


@pytest.mark.parametrize("part", ["train", "held_out"])
def test_answers_use_only_what_the_schema_has(part: str) -> None:
    for row in rows(800, words=part, phrasings=part):
        asked = row["messages"][0]["content"]
        assert row["facts"]["graph"] in asked
        one = graph(row["facts"]["graph"])
        known = (
            set(one.labels)
            | {kind for _, kind, _ in one.edges}
            | {name for each in one.labels.values() for name in each}
        )
        named = {token.text for token in tokens(row["answer"]) if token.kind == "name"}
        assert named <= known or row["stratum"] == LOST, row["answer"]


def test_variables_are_named_as_the_corpus_names_them() -> None:
    for row in rows(300):
        for a, start, kind, b, end in re.findall(r"\((\w+):(\w+)\)-\[:(\w+)\]->\((\w+):(\w+)\)", row["answer"]):
            assert (a, b) == cypher_text._letters(start, end)
            assert f"(:{start})-[:{kind}]->(:{end})" in row["facts"]["graph"]


def test_the_values_of_a_query_stand_in_its_question() -> None:
    digits = dict(
        zip(["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"], range(1, 11), strict=True)
    )
    for row in rows(800):
        asked = row["messages"][0]["content"]
        for token in tokens(row["answer"]):
            if token.kind == "string":
                assert token.text[1:-1] in asked
        for number in re.findall(r"(?:[<>=] |LIMIT )(\d+(?:\.\d+)?)", row["answer"]):
            said = [
                word
                for word, value in digits.items()
                if str(value) == number and re.search(rf"\b{word}\b", asked, re.I)
            ]
            assert number in asked or said or number == "1", (asked, row["answer"])


def test_words_held_out_are_never_trained_on() -> None:
    found = {
        part: {token.text for row in rows(400, words=part) for token in tokens(row["answer"]) if token.kind == "name"}
        for part in ("train", "held_out")
    }
    assert found["train"] & found["held_out"] == {"name"}, "every node has a name"
    assert not {word for word in found["train"] if is_held_out(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", word))}
    people = set(words("person", "train"))
    for row in rows(400, words="held_out"):
        assert not people & set(re.findall(r"\w+", row["answer"]))


def test_every_held_out_question_has_a_held_out_form_and_training_has_none() -> None:
    """Templates cannot be read off a question; their words can: some sequences are never trained on."""

    new = untrained_runs(rows(1500, phrasings="train"), rows(1500, phrasings="held_out"), often=20, letters="[a-z]+")
    assert len(new) >= 8


def test_the_words_of_held_out_forms_are_trained_in_others() -> None:
    assert strange_words(SAID) == set()


def test_there_are_thousands_of_ways_to_ask() -> None:
    ask = size(SAID, "request") * size(SAID, "where_it") * size(SAID, "is_gt") + size(SAID, "which") * size(
        SAID, "does_that"
    )
    assert ask > 10_000
    held = sum(form.held_out for forms in SAID.values() for form in forms)
    assert 0.15 < held / sum(len(forms) for forms in SAID.values()) < 0.35


def test_every_relationship_has_a_verb() -> None:
    assert set(words("relation")) == set(verbs())


def test_no_slot_of_the_grammar_is_left_open() -> None:
    """Each place is a set, or a value that some question brings."""
    for row in rows(2500, words="all", phrasings="all"):
        assert "{" not in row["messages"][0]["content"].replace(row["facts"]["graph"], "")


PINNED = "1aa5b56c34b8f604"
