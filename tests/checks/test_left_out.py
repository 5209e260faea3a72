"""What a question names and a query lacks is doubted; what a right query leaves out for good reason is not."""

import random
import time
from collections.abc import Callable
from typing import Any

import pytest

from expertbuild.data.generators import text_to_cypher, text_to_sql
from runtime.checks import doubted, passed, remark
from runtime.checks.left_out import left_out

DDL = "CREATE TABLE films (id INT, unit_price REAL, price REAL, title TEXT); -- 12 of them\nCREATE TABLE people (id INT, age INT);"
GRAPH = "Film {title: STRING, year: INTEGER}\nPerson {name: STRING}\n(:Person)-[:ACTED_IN]->(:Film)"
LISTED = """Node properties:
- **Film**
  - `title`: STRING Example: "Toy Story"
- **Person**
  - `name`: STRING
Relationship properties:
- **ACTED_IN**
  - `role: STRING` Example: "Woody 2"
The relationships:
(:Person)-[:ACTED_IN]->(:Film)"""


@pytest.mark.parametrize(
    ("question", "query"),
    [
        ("the first 10 films", "SELECT * FROM films"),
        ("the first ten films", "SELECT * FROM films LIMIT 5"),
        ("films called 'Up'", "SELECT * FROM films WHERE title = 'Us'"),
        ('films called "Up"', "SELECT * FROM films"),
        ("the unit prices", "SELECT price FROM films"),
        ("the price", "SELECT unit_price FROM films"),
        ("every person's age", "SELECT title FROM films"),
    ],
)
def test_what_is_named_word_for_word_has_to_be_there(question: str, query: str) -> None:
    names = ["films", "unit_price", "price", "title", "people", "person", "age"]
    assert left_out(question, query, names, query.split())


@pytest.mark.parametrize(
    ("question", "query"),
    [
        ("the first ten films", "SELECT * FROM films LIMIT 10"),
        ("films over 1,000", "SELECT * FROM films WHERE price > 1000.0"),
        ("films over 5 million", "SELECT * FROM films WHERE price > 5000000"),
        ("films of the 90s, the 3rd part", "SELECT * FROM films"),
        ("films' prices aren't 'known'", "SELECT price FROM films WHERE title = 'Known'"),
        ("the unit price of films", "SELECT unit_price FROM films"),
        ("the unitPrice of film", "SELECT unit_price FROM films"),
        ("", "SELECT 7"),
    ],
)
def test_what_is_said_otherwise_is_not_missed(question: str, query: str) -> None:
    assert not left_out(question, query, ["films", "unit_price", "price", "title"], query.split())


@pytest.mark.parametrize(
    ("check", "asked", "doubtful", "right"),
    [
        ("sql_names", f"{DDL}\nHow old are people?", "SELECT title FROM films;", "SELECT age FROM people;"),
        ("cypher_names", f"{GRAPH}\nWhich film?", "MATCH (p:Person) RETURN p.name", "MATCH (f:Film) RETURN f.title"),
        ("cypher_names", f"{LISTED}\nWhich film?", "MATCH (p:Person) RETURN p.name", "MATCH (f:Film) RETURN f"),
        (
            "cypher_names",
            f"{GRAPH}\nWho?",
            "MATCH (f:Film)-[:ACTED_IN]->(p:Person) RETURN p.name",
            "MATCH (f:Film)<-[:ACTED_IN]-(p:Person) RETURN p.name",
        ),
        (
            "cypher_names",
            f"{GRAPH}\nWho?",
            "MATCH (f:Film), (p:Person) WHERE NOT (f)-[:ACTED_IN]->(p) RETURN p.name",
            "MATCH (f:Film), (p:Person) WHERE NOT (f)-[:ACTED_IN]-(p) RETURN p.name",
        ),
    ],
)
def test_the_schema_asks_for_nothing(check: str, asked: str, doubtful: str, right: str) -> None:
    messages = [{"role": "user", "content": asked}]
    assert doubted(check, messages, doubtful)
    assert not doubted(check, messages, right)
    assert remark(check, messages, doubtful) == ""
    assert passed(check, messages, [doubtful, right]) == 1


def test_a_schema_told_before_asks_for_nothing_either() -> None:
    messages = [{"role": "system", "content": DDL}, {"role": "user", "content": "Which people are over 30?"}]
    assert not doubted("sql_names", messages, "SELECT * FROM people WHERE age > 30;")
    assert doubted("sql_names", messages, "SELECT * FROM people;")


def test_of_answers_that_name_what_is_nowhere_the_one_about_the_right_thing_is_taken() -> None:
    messages = [{"role": "user", "content": f"{DDL}\nWhat is the weight of people?"}]
    answers = ["SELECT weight FROM films;", "SELECT weight FROM people;"]
    assert doubted("sql_names", messages, answers[0])
    assert passed("sql_names", messages, answers) == 1
    assert not doubted("sql_names", messages, answers[1])


@pytest.mark.parametrize(("check", "draw"), [("sql_names", text_to_sql.draw), ("cypher_names", text_to_cypher.draw)])
def test_a_right_answer_is_hardly_ever_doubted(check: str, draw: Callable[..., Any]) -> None:
    rng, doubts = random.Random(7), 0
    for number in range(1000):
        words, phrasings = ("train", "held_out") if number % 2 else ("held_out", "train")
        row = draw(rng, words=words, phrasings=phrasings)
        doubts += doubted(check, row["messages"], row["answer"])
    assert doubts <= 10


@pytest.mark.parametrize("text", ["CREATE TABLE a (b INT", "a (", "'a ", "1,", "two ", "(:A)-[:B]->", "(a:B)-[:C]-"])
def test_a_hostile_prompt_takes_a_moment(text: str) -> None:
    begun = time.thread_time()
    for check, schema in (("sql_names", DDL), ("cypher_names", GRAPH)):
        doubted(check, [{"role": "user", "content": f"{schema}\n{text * 10_000}"}], text * 1500)
    assert time.thread_time() - begun < 5
