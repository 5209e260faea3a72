"""What a query names and the graph has not: every property that was taken away, and nothing that is there."""

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expertbuild.data.generators import text_to_cypher
from runtime.checks import remark
from runtime.checks.cypher_names import graph

GRAPH = """Film {title: STRING, year: INTEGER}
Person {name: STRING}
(:Person)-[:ACTED_IN]->(:Film)"""
LISTED = """Node properties:
- **Film**
  - `title`: STRING Example: "Heat"
  - `year`: INTEGER Min: 1920, Max: 2020
Relationship properties:
- **ACTED_IN**
  - `role`: STRING
The relationships:
(:Person)-[:ACTED_IN]->(:Film)"""


def said(query: str, schema: str = GRAPH) -> str:
    return remark("cypher_names", [{"role": "user", "content": f"{schema}\nWho acted?"}], query)


@pytest.mark.parametrize("schema", [GRAPH, LISTED])
def test_a_graph_is_read_out_of_what_was_asked(schema: str) -> None:
    read = graph(schema)
    assert read.labels["Film"] == {"title", "year"}
    assert read.relations == {("Person", "ACTED_IN", "Film")}
    assert "Person" in read.labels


@pytest.mark.parametrize("schema", [GRAPH, LISTED])
@pytest.mark.parametrize(
    "query",
    [
        "MATCH (f:Film) RETURN f.title",
        "MATCH (f:Film {title: 'a.weight'}) RETURN f.year",
        "MATCH (p:Person)-[r:ACTED_IN]->(f:Film) WHERE r.role = 'x' RETURN p.name, count(f)",
        "MATCH (f:Film) WITH f.year AS f RETURN f.century",
        "MATCH (n) RETURN n.weight",
        "MATCH (f:Film) RETURN date(f.title).year // f.weight",
        "MATCH",
        "",
    ],
)
def test_what_is_there_is_passed(schema: str, query: str) -> None:
    assert said(query, schema) == ""


@pytest.mark.parametrize("schema", [GRAPH, LISTED])
@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("MATCH (f:Film) RETURN f.weight", "Film has no property weight"),
        ("MATCH (f:Film {weight: 3}) RETURN f.title", "Film has no property weight"),
        ("MATCH (s:Sofa) RETURN s.title", "there is no label Sofa"),
        ("MATCH (p:Person)-[:WROTE]->(f:Film) RETURN f.title", "there is no relationship WROTE"),
    ],
)
def test_what_is_not_there_is_told(schema: str, query: str, why: str) -> None:
    assert said(query, schema) == f"\n// cannot: {why}"


def test_nothing_is_said_without_a_graph() -> None:
    assert said("MATCH (f:Film) RETURN f.weight", "") == ""


def test_every_case_without_an_answer_is_told_and_no_other() -> None:
    rng = random.Random("names")
    lost = 0
    for number in range(3000):
        words, phrasings = ("train", "held_out") if number % 2 else ("held_out", "train")
        row = text_to_cypher.draw(rng, words, phrasings)
        query, _, why = row["answer"].partition("\n")
        lost += bool(why)
        assert remark("cypher_names", row["messages"], query) == (f"\n{why}" if why else ""), row
    assert lost > 80


PIECES = [
    "MATCH ",
    "(",
    ")",
    ":",
    "Film",
    "{",
    "}",
    "-",
    "[",
    "]",
    ">",
    "'",
    "f.",
    "weight",
    " AS ",
    "//",
    "\n",
    "`",
    "*",
]


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
def test_any_text_is_read_to_its_end(text: str) -> None:
    said(text)
    said("MATCH (f:Film) RETURN f.title", text)


@pytest.mark.parametrize(
    "piece", ["(", "(a:", "'\\", "-[", "-[:a", "f.", "{", " {a: b, ", "- **A**\n", " ", "a", "(a:A {", "//"]
)
def test_long_text_takes_little_time(piece: str) -> None:
    begun = time.process_time()
    said(f"MATCH ({piece * 20000}")
    said("MATCH (f:Film) RETURN f.title", f"A {piece * 20000}")
    assert time.process_time() - begun < 10
