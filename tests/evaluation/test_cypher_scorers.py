"""What counts as the same Cypher, by its words and by what an engine says, and what a hostile query cannot do."""

import random
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from expertbuild.data.generators import text_to_cypher
from expertbuild.evaluation.evaluate import evaluate
from expertbuild.evaluation.scorers import cypher_execution, cypher_graphs
from expertbuild.evaluation.scorers.cypher_box import BOX, CypherFailed, check
from expertbuild.evaluation.scorers.cypher_match import score as match
from expertbuild.evaluation.scorers.cypher_tokens import quoted, tokens
from expertbuild.evaluation.scorers.line_worker import LineWorker, WorkerLost

GRAPH = "Person {name: STRING, age: INTEGER}\nHouse {name: STRING, price: FLOAT}\n(:Person)-[:OWNS]->(:House)"
OLDER = "MATCH (p:Person) WHERE p.age > 5 RETURN p.name"
OWNERS = "MATCH (p:Person)-[:OWNS]->(h:House) WHERE h.price > 3.5 RETURN p.name"
COUNTED = "MATCH (p:Person)-[:OWNS]->(h:House) RETURN p.name, count(h) AS total ORDER BY total DESC"

# The form in which Neo4j's own tools print a schema.
LISTED = """Node properties:
- **Movie**
  - `title`: STRING Example: "Up"
  - `year`: INTEGER Min: 1902, Max: 2016
- **Person**
  - `name`: STRING Example: "Ann"
Relationship properties:
- **RATED**
  - `rating: FLOAT` Example: "2.0"
The relationships:
(:Person)-[:RATED]->(:Movie)
"""


def case(gold: str, graph: str = GRAPH) -> dict[str, Any]:
    return {"id": "case", "messages": [], "answer": gold, "stratum": "x", "facts": {"graph": graph}}


# --- by its words -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gold", "query"),
    [
        (OLDER, "match  (x:Person)\nwhere x.age>5\nreturn x.name;"),
        (OLDER, "MATCH (`p`:`Person`) WHERE p.`age` > 5.0 RETURN p.name"),
        (OLDER, "```cypher\nMATCH (p:Person) WHERE p.age > 5 RETURN p.name\n```"),
        (OLDER, "MATCH (p:Person) // grown\nWHERE p.age > 5 RETURN p.name"),
        (OWNERS, "MATCH (h:House)<-[:OWNS]-(p:Person) WHERE h.price > 3.5 RETURN p.name"),
        (COUNTED, "MATCH (a:Person)-[:OWNS]->(b:House) RETURN a.name, COUNT(b) AS n ORDER BY n DESCENDING"),
        ("MATCH (p:Person) WHERE p.name <> 'Ann' RETURN p", 'MATCH (p:Person) WHERE p.name != "Ann" RETURN p'),
        ("MATCH (p:Person {name: 'Ann'}) RETURN p.age", "MATCH (q:Person {name:'Ann'}) RETURN q.age"),
        ("MATCH (p:Person) WHERE p.name = 'it\\'s' RETURN p", 'MATCH (p:Person) WHERE p.name = "it\'s" RETURN p'),
    ],
)
def test_another_spelling_of_the_same_query_matches(gold: str, query: str) -> None:
    assert match(query, case(gold)).value == 1


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("MATCH (p:Person) WHERE p.age >= 5 RETURN p.name", "has >= instead of >"),
        ("MATCH (p:person) WHERE p.age > 5 RETURN p.name", "has person instead of Person"),
        ("MATCH (p:Person) WHERE p.Age > 5 RETURN p.name", "has Age instead of age"),
        ("MATCH (p:Person) WHERE p.age > 5", "ends too soon"),
        ("MATCH (p:Person) WHERE p.age > 5 RETURN p.name LIMIT 1", "goes on too long"),
        ("MATCH (p:Person), (q:Person) WHERE q.age > 5 RETURN p.name", "instead of"),
        ("MATCH (p:Person) WHERE p.age > 5 RETURN p.name € ", "is not Cypher"),
        ("MATCH (p:Person) WHERE p.name = 'open RETURN p.name", "is not Cypher"),
        ("x" * 100_000, "too long"),
        ("(" * 5_000, "instead of"),
        ("", "no query"),
    ],
)
def test_what_is_nearly_the_query_is_not_it(query: str, said: str) -> None:
    found = match(query, case(OLDER))
    assert found.value == 0
    assert said in found.reason


def test_the_direction_of_a_relationship_matters() -> None:
    assert match(OWNERS.replace("]->", "]-").replace(")-[", ")<-["), case(OWNERS)).value == 0
    longer = "MATCH (a:A)-[:R]->(b:B)<-[:S]-(c:C) RETURN a"
    assert match(longer, case(longer)).value == 1
    assert match("MATCH (c:C)-[:S]->(b:B)<-[:R]-(a:A) RETURN a", case(longer)).value == 0, (
        "longer patterns are not turned"
    )


@pytest.mark.parametrize("pattern", ["(", "[", "()-", "()<-[]", "(((a)<-[:R]-(b)))", ":a", "a|", ",a:"])
def test_a_long_query_is_read_in_little_time(pattern: str) -> None:
    start = time.monotonic()
    assert match("MATCH " + pattern * (19_000 // len(pattern)), case(OLDER)).value == 0
    assert time.monotonic() - start < 10


def test_a_pattern_is_turned_within_brackets_too() -> None:
    gold = "MATCH (a:A) WHERE (NOT ((a)-[:R]->(b:B))) RETURN a"
    assert match("MATCH (a:A) WHERE (NOT ((b:B)<-[:R]-(a))) RETURN a", case(gold)).value == 1
    assert match("MATCH (a:A) WHERE (NOT ((b:B)-[:R]->(a))) RETURN a", case(gold)).value == 0


def test_variables_may_be_renamed_but_not_confused() -> None:
    gold = "MATCH (a:A)-[:R]->(b:B) RETURN a.x, b.x"
    assert match("MATCH (b:A)-[:R]->(a:B) RETURN b.x, a.x", case(gold)).value == 1
    assert match("MATCH (b:A)-[:R]->(a:B) RETURN a.x, b.x", case(gold)).value == 0


def test_every_generated_answer_matches_itself_with_other_variables() -> None:
    rng = random.Random("match")
    for _ in range(300):
        row = text_to_cypher.draw(rng, words="all", phrasings="all")
        if "// cannot: " in row["answer"]:
            continue
        renamed = "".join(
            (" " if token.apart else "") + (f"{token.text}_{token.text}" if token.kind == "variable" else token.text)
            for token in tokens(row["answer"])
        )
        assert match(renamed, row).value == 1


@pytest.mark.parametrize("judge", [match, cypher_execution.score], ids=["match", "execution"])
def test_a_question_about_a_property_that_is_not_there_wants_to_hear_so(judge: Any) -> None:
    gold = case("// cannot: Person has no property weight")
    assert judge("// cannot: Person has no property  weight\n", gold).value == 1
    assert judge("// cannot: Person has no property price", gold).value == 0
    assert judge(OLDER, gold).value == 0
    assert judge(gold["answer"], case(OLDER)).value == 0
    below = case("MATCH (p:Person) RETURN p.weight\n// cannot: Person has no property weight")
    assert judge(gold["answer"], below).value == judge(below["answer"], gold).value == 1
    assert judge(f"{OLDER}\n{gold['answer']}", case(OLDER)).reason.startswith("says that it cannot: Person has no")


# --- by what an engine says ---------------------------------------------------------------------------------------


def judged(query: str, gold: str) -> tuple[float, str]:
    pytest.importorskip("ladybug")
    found = cypher_execution.score(query, case(gold), graphs=3)
    return found.value, found.reason


@pytest.mark.parametrize(
    ("gold", "query"),
    [
        (OLDER, "MATCH (x:Person) WHERE 5 < x.age RETURN x.name"),
        (OLDER, "MATCH (p:Person) WHERE p.age > 5 RETURN p.name AS name ORDER BY name"),
        (OWNERS, "MATCH (h:House)<-[:OWNS]-(p) WHERE h.price > 3.5 RETURN p.name"),
        (COUNTED, "MATCH (p:Person)-[:OWNS]->(h:House) RETURN count(*) AS n, p.name ORDER BY n DESC"),
    ],
)
def test_another_way_to_say_the_same_is_right(gold: str, query: str) -> None:
    value, reason = judged(query, gold)
    assert value == 1, reason
    assert "the same rows" in reason


@pytest.mark.parametrize(
    ("gold", "query"),
    [
        (OLDER, "MATCH (p:Person) WHERE p.age >= 5 RETURN p.name"),
        (OLDER, "MATCH (p:Person) WHERE p.age > 5 RETURN DISTINCT p.name"),
        (OWNERS, "MATCH (p:Person) RETURN p.name"),
        (COUNTED, "MATCH (p:Person)-[:OWNS]->(h:House) RETURN p.name, count(h) AS total"),
        (
            "MATCH (p:Person) RETURN p.name ORDER BY p.age LIMIT 2",
            "MATCH (p:Person) RETURN p.name ORDER BY p.age DESC LIMIT 2",
        ),
        ("MATCH (p:Person) WHERE NOT (p)-[:OWNS]->(:House) RETURN p.name", "MATCH (p:Person) RETURN p.name"),
        ("MATCH (p:Person) WHERE p.age IS NULL RETURN p.name", "MATCH (p:Person) WHERE p.age = 0 RETURN p.name"),
    ],
)
def test_a_lucky_query_is_found_out(gold: str, query: str) -> None:
    value, reason = judged(query, gold)
    assert value == 0, reason
    assert "instead of" in reason


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("CREATE (p:Person {name: 'x'})", "does not begin as a query that reads"),
        ("MATCH (p:Person) DETACH DELETE p", "DETACH is not allowed"),
        ("MATCH (p:Person) SET p.age = 1 RETURN p.name", "SET is not allowed"),
        ("LOAD FROM '/etc/passwd' RETURN *", "does not begin"),
        ("MATCH (p:Person) LOAD FROM '/etc/passwd' (file_format='csv') RETURN *", "LOAD is not allowed"),
        ("MATCH (p:Person) RETURN p.name; MATCH (h:House) RETURN h.name", "more than one query"),
        ("MATCH (p:Person) CALL show_tables() RETURN *", "CALL is not allowed"),
        ("MATCH (p:Person) RETURN p.nothing", "Cannot find property"),
        ("MATCH (p:Person RETURN p", "Parser exception"),
        ("MATCH (p:Nobody) RETURN p", "does not exist"),
        ("RETURN " + "(" * 3_000 + "1" + ")" * 3_000, "fails"),
    ],
)
def test_a_hostile_query_costs_its_case_and_nothing_else(query: str, said: str) -> None:
    value, reason = judged(query, OLDER)
    assert value == 0
    assert said in reason
    assert judged("MATCH (x:Person) WHERE 5 < x.age RETURN x.name", OLDER)[0] == 1, "the next case is judged"


def test_an_engine_that_hangs_or_dies_is_replaced() -> None:
    pytest.importorskip("ladybug")
    endless = "UNWIND range(1, 100000000) AS x UNWIND range(1, 100000000) AS y RETURN sum(x * y)"
    found = cypher_execution.score(endless, case(OLDER), graphs=1, seconds=1)
    assert found.value == 0
    assert "fails" in found.reason
    BOX.run([["CREATE NODE TABLE A (k INT64 PRIMARY KEY)"]], ["MATCH (a:A) RETURN a.k"], 10)
    process = BOX._worker._process
    assert process is not None
    process.kill()
    process.wait()
    assert BOX.run([["CREATE NODE TABLE A (k INT64 PRIMARY KEY)"]], ["RETURN 1"], 60) == [[[(1,)]]]


def test_the_engine_sees_nothing_of_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ladybug")
    monkeypatch.setenv("SOME_TOKEN", "hush")
    BOX.close()
    assert BOX.run([[]], ["RETURN 1"], 60) == [[[(1,)]]]
    environment = Path(f"/proc/{BOX.pid}/environ")
    if environment.exists():
        assert {each.partition("=")[0] for each in environment.read_text().split("\0") if each} == {"PATH", "LANG"}


def test_a_worker_that_goes_in_the_middle_of_a_line_is_lost_and_replaced() -> None:
    program = """
import os, sys
print("{}", flush=True)
for line in sys.stdin:
    if "die" in line:
        os.write(1, b'{"rows": [1, 2')
        os._exit(1)
    print(line, end="", flush=True)
"""
    worker = LineWorker("the echo", lambda: [sys.executable, "-c", program])
    assert worker.ask({"say": 1}, 60) == {"say": 1}
    with pytest.raises(WorkerLost, match="the echo died of it"):
        worker.ask({"die": 1}, 60)
    assert worker.ask({"say": 2}, 60) == {"say": 2}
    worker.close()


def test_a_query_may_name_the_first_and_the_last_day() -> None:
    pytest.importorskip("ladybug")
    gold = case("MATCH (p:Person) RETURN p.name", "Person {name: STRING, born: DATE}")
    for day in ("0001-01-01", "9999-12-31"):
        query = f"MATCH (p:Person) WHERE p.born < '{day}' OR p.born >= '{day}' OR p.born IS NULL RETURN p.name"
        assert cypher_execution.score(query, gold, graphs=2).value == 1


def test_a_run_goes_on_after_a_case_whose_engine_hangs() -> None:
    pytest.importorskip("ladybug")
    endless = "UNWIND range(1, 100000000) AS x UNWIND range(1, 100000000) AS y RETURN sum(x * y)"
    answers = [OLDER, endless, "MATCH (x:Person) WHERE 5 < x.age RETURN x.name"]
    asked = [{**case(OLDER), "id": str(n), "messages": [{"role": "user", "content": str(n)}]} for n in range(3)]
    scoring = {"kind": "cypher_execution", "graphs": 1, "seconds": 1}
    judged = evaluate(asked, lambda talks: [answers[int(talk[-1]["content"])] for talk in talks], scoring)
    assert [each.score for each in judged] == [1, 0, 1]
    assert "fails" in judged[1].reason


@pytest.mark.slow
def test_every_generated_answer_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ladybug")
    monkeypatch.setattr(cypher_execution, "canonical", lambda query: object())  # equal words are not asked about
    rng = random.Random("run")
    for _ in range(60):
        row = text_to_cypher.draw(rng, words="all", phrasings="all")
        found = cypher_execution.score(row["answer"], row, graphs=2)
        assert found.value == 1, (row["answer"], found.reason)


def test_a_case_without_a_schema_is_said_to_be_one() -> None:
    row = {**case("MATCH (p:Person) RETURN p"), "facts": {}}
    assert "no schema" in cypher_execution.score("MATCH (p:Person) RETURN p.name", row).reason
    assert (
        "no schema" in cypher_execution.score("MATCH (p:Person) RETURN p.name", case("MATCH (p) RETURN p", "?")).reason
    )


def test_schemas_are_read_in_both_forms() -> None:
    one = cypher_graphs.graph(LISTED)
    assert one.labels == {"Movie": {"title": "STRING", "year": "INTEGER"}, "Person": {"name": "STRING"}}
    assert one.edges == (("Person", "RATED", "Movie"),)
    assert one.on_edges == {"RATED": {"rating": "FLOAT"}}
    assert cypher_graphs.graph(GRAPH).labels["House"] == {"name": "STRING", "price": "FLOAT"}


def test_names_are_put_in_backticks_and_nothing_else() -> None:
    query = "MATCH (o:Order {name: 'a:b'})-[:OF]->(g) WHERE o.count > 2 RETURN count(o) AS total LIMIT 3"
    assert quoted(tokens(query)) == (
        "MATCH (`o`:`Order` {`name`: 'a:b'})-[:`OF`]->(`g`) WHERE `o`.`count` > 2 RETURN count(`o`) AS `total` LIMIT 3"
    )


def test_names_that_are_verbs_of_the_engine_may_be_properties() -> None:
    check(tokens("MATCH (n:Set) WHERE n.load > 1 RETURN n.`use`"))
    with pytest.raises(CypherFailed, match="LOAD"):
        check(tokens("MATCH (n) load from 'x' RETURN n"))
