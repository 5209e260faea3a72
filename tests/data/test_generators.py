"""The tasks: what is asked can be answered, the answer is right, and what is held out is never trained on."""

import json
import os
import random
import re
import sqlite3
import subprocess
import sys
from collections import Counter
from hashlib import sha256
from typing import Any

import pytest

from expertbuild.data.generators import any_document, json_repair, text_to_sql
from expertbuild.data.generators.json_damage import DAMAGE
from expertbuild.data.generators.sql_questions import STRATA
from expertbuild.data.generators.tasks import GENERATORS
from expertbuild.data.generators.words import is_held_out
from expertbuild.data.rows import dump
from expertbuild.evaluation.scorers import json_equal

TASKS = {"json_repair": json_repair, "text_to_sql": text_to_sql}


def rows(task: Any, count: int, **options: Any) -> list[dict[str, Any]]:
    rng = random.Random("test")
    return [task.draw(rng, **options) for _ in range(count)]


@pytest.mark.parametrize("name", TASKS)
def test_the_same_seed_writes_the_same_rows(name: str) -> None:
    assert rows(TASKS[name], 20) == rows(TASKS[name], 20)


REPAIRS = {f"repair, {kind.replace('_', ' ')}" for kind in DAMAGE} | {"repair, no JSON"}


@pytest.mark.parametrize(
    ("task", "strata"), [(json_repair, REPAIRS), (text_to_sql, {*STRATA, "no such column"})], ids=TASKS
)
def test_every_stratum_comes_up(task: Any, strata: set[str]) -> None:
    counts = Counter(row["stratum"] for row in rows(task, 1500))
    assert set(counts) == strata
    assert min(counts.values()) >= 10


@pytest.mark.parametrize("part", ["train", "held_out"])
def test_a_column_that_no_table_has_is_told_below_the_query(part: str) -> None:
    lost = [row for row in rows(text_to_sql, 1500, words=part, phrasings=part) if row["stratum"] == "no such column"]
    assert 0.03 < len(lost) / 1500 < 0.05
    for row in lost:
        found = re.fullmatch(r"SELECT .*;\n-- cannot: (\w+) has no column (\w+)", row["answer"])
        assert found and f"CREATE TABLE {found[1]} (" in row["facts"]["ddl"]
        assert not re.search(rf"\b{found[2]}\b", row["facts"]["ddl"])
        assert found[2].replace("_", " ") in row["messages"][0]["content"].replace("_", " ").lower()


def test_a_text_with_no_json_in_it_has_nothing_to_mend() -> None:
    lost = [row for row in rows(json_repair, 1500) if row["stratum"] == "repair, no JSON"]
    assert 0.03 < len(lost) / 1500 < 0.05
    assert {row["answer"] for row in lost} == {'{"error":"no JSON"}'}
    assert not [row for row in lost if set("{}[]") & set(row["messages"][0]["content"])]


@pytest.mark.parametrize("part", ["train", "held_out"])
def test_json_answers_are_compact_and_mean_what_was_expected(part: str) -> None:
    for row in rows(json_repair, 800, words=part, phrasings=part):
        expected = row["facts"]["expected"]
        escaped = bool(re.search(r"\\u[0-9a-f]{4}", row["messages"][0]["content"]))
        assert row["answer"] == json.dumps(expected, ensure_ascii=escaped, separators=(",", ":"))
        assert json_equal.score(row["answer"], row).value == 1
        asked = row["messages"][0]["content"]
        assert row["stratum"] == "repair, valid" or json_equal.score(asked, row).value == 0, "it was broken"


def test_damage_leaves_every_name_and_value_to_be_read() -> None:
    for row in rows(json_repair, 800):
        if row["stratum"] == "repair, no JSON":
            continue
        asked = row["messages"][0]["content"]
        words = re.findall(r"[A-Za-z]{2,}", row["answer"])
        unread = [word for word in words if word not in asked and word not in ("true", "false", "null")]
        assert not unread, (row["stratum"], asked, row["answer"])


@pytest.mark.parametrize("part", ["train", "held_out"])
def test_sql_answers_run_and_use_only_what_the_schema_has(part: str) -> None:
    pglast = pytest.importorskip("pglast")
    for row in rows(text_to_sql, 600, words=part, phrasings=part):
        if row["stratum"] == "no such column":
            continue
        connection = sqlite3.connect(":memory:")
        connection.executescript(row["facts"]["ddl"])
        connection.execute(row["answer"])
        connection.close()
        pglast.parse_sql(row["answer"])
        pglast.parse_sql(row["facts"]["ddl"])
        assert row["facts"]["ddl"] in row["messages"][0]["content"]


def test_the_values_of_a_query_stand_in_its_question() -> None:
    for row in rows(text_to_sql, 600):
        asked = row["messages"][0]["content"].lower()
        for value in re.findall(r"'([^']*)'", row["answer"]):
            assert value.strip("%").lower() in asked
        for number in re.findall(r"(?<![\w.'-])\d+(?:\.\d+)?(?![\w.'-])", row["answer"]):
            assert number in asked or number == "1", (asked, row["answer"])


def test_words_of_training_and_words_held_out_do_not_mix() -> None:
    tables = {
        part: {
            name
            for row in rows(text_to_sql, 200, words=part)
            for name in re.findall(r"CREATE TABLE (\w+)", row["facts"]["ddl"])
        }
        for part in ("train", "held_out")
    }
    assert not tables["train"] & tables["held_out"]
    keys = {
        part: {key for row in rows(json_repair, 300, words=part) for key in _keys(row["facts"]["expected"])}
        for part in ("train", "held_out")
    }
    fixed = {"id", "code", "ref", "sku", "error", *any_document.KEYS}
    keys = {part: {key for key in found if len(key) > 2} for part, found in keys.items()}  # `a`, `b1` are no words
    both = {key for key in keys["train"] & keys["held_out"] if key.replace("_", "").isalpha()}
    assert not {key for key in both - fixed if not key.endswith("s")}, (
        "but for the plural of a word and a column named so"
    )
    assert not any(
        is_held_out(key) for key in keys["train"] - fixed if key.islower() and key.isalpha() and not key.endswith("s")
    )


@pytest.mark.parametrize("name", TASKS)
def test_held_out_phrasings_are_new(name: str) -> None:
    """The words of a question that are not of the vocabulary: some of those held out are never trained on."""

    def said(part: str) -> Counter[tuple[str, ...]]:
        counts: Counter[tuple[str, ...]] = Counter()
        for row in rows(TASKS[name], 500, phrasings=part):
            words = re.findall(r"[A-Za-z]+", row["messages"][0]["content"])
            counts.update(set(zip(words, words[1:], words[2:], strict=False)))
        return counts

    trained, held_out = said("train"), said("held_out")
    often = [three for three, count in held_out.items() if count >= 20]
    assert sum(1 for three in often if three not in trained) >= 5


def _keys(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value) | {key for each in value.values() for key in _keys(each)}
    return {key for each in value for key in _keys(each)} if isinstance(value, list) else set()


def test_generated_rows_are_pinned() -> None:
    """What a seed writes is part of every dataset's identity: a change here changes every build."""
    found = {
        name: sha256("\n".join(map(dump, rows(task, 50))).encode()).hexdigest()[:16] for name, task in TASKS.items()
    }
    assert found == PINNED


_WRITE = """
import random, sys
from expertbuild.data.generators.tasks import GENERATORS
from expertbuild.data.rows import dump
for name in sys.argv[1:]:
    rng = random.Random("test")
    print(name, [dump(GENERATORS.load(name).draw(rng)) for _ in range(40)])
"""


def test_no_generator_depends_on_the_order_of_a_set() -> None:
    """Strings hash differently in every process; what a seed writes may not."""
    names = [*GENERATORS.modules]
    written = {
        subprocess.run(
            [sys.executable, "-c", _WRITE, *names],
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in (1, 2, 3)
    }
    assert len(written) == 1 and len(written.pop()) > 10_000


PINNED = {"json_repair": "2917d231b0eaad4d", "text_to_sql": "d83298f740ed9ac4"}
