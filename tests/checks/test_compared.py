"""Comparisons, orders and counts that are otherwise than the question says are doubted; what it does not say plainly is let pass."""

import random
import time

import pytest

from expertbuild.data.generators import text_to_cypher, text_to_sql
from runtime.checks.code_done import does
from runtime.checks.code_types import types
from runtime.checks.compared import compares, downward, queries


@pytest.mark.parametrize(
    ("question", "signs"),
    [
        ("with a price above 5", ">"),
        ("which cost more than $5", ">"),
        ("a price of at least 5", ">="),
        ("whose price is no less than 5", ">="),
        ("a price of 5 or more", ">="),
        ("cheaper or less than 5", "<"),
        ("whose price is not above 5", "<="),
        ("5 or fewer", "<="),
        ("up to 5", "<="),
        ("with price <= 5", "<="),
    ],
)
def test_a_number_is_compared_as_the_question_says(question: str, signs: str) -> None:
    for sign in ("<", ">", "<=", ">=", "=", "<>"):
        assert compares(question, f"WHERE price {sign} 5.0") == (sign == signs), sign


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("between 3 and 5", "price BETWEEN 3 AND 5"),
        ("at least 3 and at most 5", "price BETWEEN 3 AND 5"),
        ("at least 3", "3 <= price"),
        ("more than 1,000 and less than 2,000", "1000 < x AND x < 2000"),
        ("the 5 with the highest price", "ORDER BY price DESC LIMIT 5"),
        ("more than 5", "len(items) > 6"),  # another number is no comparison with this one
        ("above 5", "MATCH (a)-[:IN]->(b) WHERE a.x > 5"),
        ("at least 5", "return items.filter((item) => item.price >= 5);"),
    ],
)
def test_what_is_said_otherwise_is_let_pass(question: str, answer: str) -> None:
    assert compares(question, answer)


@pytest.mark.parametrize(
    ("question", "right", "wrong"),
    [
        ("Films by year, from new to old", "SELECT a FROM b ORDER BY y DESC", "SELECT a FROM b ORDER BY y"),
        ("Films in ascending order of year", "SELECT a FROM b ORDER BY y ASC", "SELECT a FROM b ORDER BY y DESC"),
        ("How many films are there?", "SELECT COUNT(*) FROM films", "SELECT * FROM films"),
        ("The average length", "RETURN avg(f.length)", "RETURN sum(f.length)"),
        ("whose title ends with s", "SELECT a FROM b WHERE t LIKE '%s'", "SELECT a FROM b WHERE t LIKE '%s%'"),
        (
            'whose title begins with "The"',
            "SELECT a FROM b WHERE t LIKE 'The%'",
            "SELECT a FROM b WHERE t LIKE '%The%'",
        ),
        ("Title and year", "MATCH (f) RETURN f.title, f.year", "MATCH (f) RETURN f.title, f.title"),
        ("Title and year", "SELECT title, year FROM f;", "SELECT title, title FROM f;"),
    ],
)
def test_orders_counts_and_texts(question: str, right: str, wrong: str) -> None:
    assert queries(question, right) and not queries(question, wrong)


def test_which_way_round() -> None:
    assert downward("highest first") and downward("from Z to A") and downward("in falling order")
    assert downward("oldest first") is False and downward("sorted by year") is None
    assert downward("ascending or descending") is None


@pytest.mark.parametrize(
    ("up", "down"),
    [
        ("sorted(items, key=lambda item: item.size)", "sorted(items, key=lambda item: item.size, reverse=True)"),
        ("[...items].sort((a, b) => a.size - b.size)", "[...items].sort((a, b) => b.size - a.size)"),
        ("items.sort((a, b) => a.name.localeCompare(b.name))", "items.sort((a, b) => b.name.localeCompare(a.name))"),
        ("sorted.sort_by(|a, b| a.size.cmp(&b.size));", "sorted.sort_by(|a, b| b.size.cmp(&a.size));"),
    ],
)
def test_code_sorts_the_way_round_that_was_asked(up: str, down: str) -> None:
    assert does("lowest first", up, []) and not does("lowest first", down, [])
    assert does("descending", down, []) and not does("descending", up, [])
    assert does("sorted", up, []) and does("sorted", down, [])
    assert does("sorted by size", up, []) and not does("sorted by size", down, [])
    assert does("sorted by size, the biggest at the top", down, []) and does(f"Mend this: {down}", down, [])


def test_a_function_that_is_to_sort_does() -> None:
    code = "pub fn heavy(items: &[Sofa]) -> Vec<Sofa> {{\n    {}\n}}"
    mapped, sorted_ = code.format("items.iter().map(|a| a.size).collect()"), code.format("merge_sort(items)")
    for question in ("sorts the sofas by size", "returns the sofas sorted by size", "orders the sofas by their size"):
        assert does(question, sorted_, []) and not does(question, mapped, []), question
    assert does("gives the size of each, for a sorted list", mapped, [])
    assert does("sorts the sofas by size", "pub struct Sofa {\n    pub size: i64,\n}", [])


def test_what_rust_adds_up_is_what_it_returns() -> None:
    given = types("pub struct Sofa {\n    pub parts: i64,\n    pub weight: f64,\n}")
    code = "pub fn heavy(items: &[Sofa]) -> {} {{\n    items.iter().map(|item| item.{}).sum()\n}}"
    assert does("", code.format("i64", "parts"), given) and does("", code.format("f64", "weight"), given)
    assert not does("", code.format("f64", "parts"), given) and not does("", code.format("i64", "weight"), given)


@pytest.mark.parametrize("task", [text_to_sql, text_to_cypher])
def test_a_right_query_is_what_was_asked(task) -> None:  # type: ignore[no-untyped-def]
    rng = random.Random(task.__name__)
    for number in range(600):
        words, phrasings = ("train", "held_out") if number % 2 else ("held_out", "train")
        row = task.draw(rng, words=words, phrasings=phrasings)
        assert queries(row["messages"][-1]["content"], row["answer"]), row


def test_a_hostile_answer_takes_a_moment() -> None:
    for text in ("SELECT ", "RETURN a, ", "> 1 ", "9" * 10, "1,", "at least 5 ", "BETWEEN 1 AND ", "sort(", "b.a."):
        begun = time.thread_time()
        queries(text * 3_000, text * 3_000)
        does(text * 3_000, text * 3_000, [])
        assert time.thread_time() - begun < 2, text
