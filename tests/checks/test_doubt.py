"""What a check would rather have otherwise: a name that stands elsewhere in the schema. What is nowhere is told, not doubted."""

import time

import pytest

from runtime.checks import CHECKS, doubted, passed, remark

GRAPH = "Film {title: STRING, year: INTEGER}\nPerson {name: STRING}\n(:Person)-[:ACTED_IN]->(:Film)"
DDL = "CREATE TABLE films (id INT, title TEXT);\nCREATE TABLE boxes (id INT, weight INT);"


def asked(check: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": f"{GRAPH if check == 'cypher_names' else DDL}\nWhich?"}]


@pytest.mark.parametrize(
    ("check", "answer"),
    [
        ("cypher_names", "MATCH (f:Film) RETURN f.name"),
        ("cypher_names", "MATCH (f:Film)-[:ACTED_IN]->(f:Person) RETURN f.name"),
        ("cypher_names", "MATCH (f:Film) RETURN g.title"),
        ("sql_names", "SELECT weight FROM films;"),
        ("sql_names", "SELECT films.weight FROM films JOIN boxes ON films.id = boxes.id;"),
    ],
)
def test_what_stands_elsewhere_is_doubted(check: str, answer: str) -> None:
    assert doubted(check, asked(check), answer)


@pytest.mark.parametrize(
    ("check", "answer"),
    [
        ("cypher_names", "MATCH (f:Film) RETURN f.weight"),
        ("cypher_names", "MATCH (f:Film) RETURN f.name\n// cannot: Film has no property name"),
        ("cypher_names", "MATCH (f:Film) WHERE f.title = $params.title RETURN f"),
        ("cypher_names", "CALL db.index.fulltext.queryNodes('x', 'y') YIELD node, score RETURN node.title, score"),
        ("cypher_names", "MATCH (f:Film) RETURN apoc.text.join(collect(f.title), ', ')"),
        ("cypher_names", "MATCH (f:Film) RETURN f.title AS t UNION MATCH (f:Person) RETURN f.name AS t"),
        ("cypher_names", "MATCH (p:Person) WHERE EXISTS { MATCH (p)-[:ACTED_IN]->(f:Film) } RETURN p.name"),
        ("cypher_names", "MATCH (p:Person) UNWIND [1, 2] AS x RETURN x.y, p.name"),
        ("cypher_names", "MATCH (p:Person)-[r:ACTED_IN]->(f:Film) WITH f, count(p) AS n WHERE n > 2 RETURN f.title, n"),
        ("cypher_names", "MATCH path = (p:Person)-[:ACTED_IN*]->(f:Film) RETURN [n IN nodes(path) | n.name]"),
        ("sql_names", "SELECT size FROM films;"),
        ("sql_names", "SELECT rowid FROM films;"),
        ("sql_names", "WITH x(a, b) AS (SELECT id, title FROM films) SELECT a FROM x;"),
        ("sql_names", "WITH RECURSIVE t(n) AS (SELECT 1 UNION SELECT n + 1 FROM t) SELECT n FROM t;"),
    ],
)
def test_what_is_right_or_nowhere_is_not(check: str, answer: str) -> None:
    assert not doubted(check, asked(check), answer)


def test_a_variable_of_two_branches_has_no_remark() -> None:
    query = "MATCH (f:Film) RETURN f.title AS t UNION MATCH (f:Person) RETURN f.name AS t"
    assert remark("cypher_names", asked("cypher_names"), query) == ""


def test_the_first_answer_that_nothing_is_held_against_is_taken() -> None:
    answers = ["SELECT weight FROM films;", "SELECT 1;\n-- cannot: none", "SELECT weight FROM boxes;"]
    assert passed("sql_names", asked("sql_names"), answers) == 2
    assert passed("sql_names", asked("sql_names"), answers[:2]) is None


@pytest.mark.parametrize("text", ["CREATE TABLE a (/*", "CREATE TABLE ", "CREATE TABLE a ($$", "(:A)-[:B", "(a:B {"])
def test_a_hostile_prompt_takes_a_moment(text: str) -> None:
    begun = time.thread_time()
    for check in ("sql_names", "cypher_names"):
        doubted(check, [{"role": "user", "content": text * 1500}], text * 1500)
    assert time.thread_time() - begun < 5


@pytest.mark.parametrize("check", CHECKS)
def test_where_nobody_asked_nothing_is_doubted(check: str) -> None:
    for messages in ([], [{"role": "assistant", "content": DDL}]):
        assert not doubted(check, messages, "SELECT 1") and not remark(check, messages, "SELECT 1")
