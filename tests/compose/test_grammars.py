"""The shipped experts' grammars: every answer their own generators write, and no near miss."""

import random
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from expertbuild.data.generators.tasks import GENERATORS
from runtime.engine.errors import GrammarRefused
from runtime.engine.grammar import Grammars
from runtime.engine.tokenizer import Tokenizer
from runtime.home import shipped
from tests.tiny import tiny_base

EXPERTS = {
    "expert-extract": "text_to_json",
    "expert-neo4j": "text_to_cypher",
    "expert-sql": "text_to_sql",
}


JSON = ("json_repair", "json_style", "json_transform", "json_schema_of", "text_to_json")


@cache
def tokenizer() -> Tokenizer:
    return Tokenizer.load(tiny_base(tempfile.mkdtemp()))


@cache
def compiled(expert: str) -> Any:
    text = Path(shipped("experts"), expert, "grammar.gbnf").read_text(encoding="utf-8")
    return Grammars(tokenizer(), tokenizer().vocab_size).compile(text)


def accepts(expert: str, answer: str) -> bool:
    matcher = compiled(expert).start()
    try:
        for token in tokenizer().encode(answer):
            matcher.accept(token)
    except GrammarRefused:
        return False
    return bool(matcher.may_end)


def rows_of(expert: str) -> int:
    return 2000 if expert in ("expert-extract", "expert-neo4j") else 200


@pytest.mark.parametrize(("expert", "generator"), EXPERTS.items())
@pytest.mark.parametrize("part", ["train", "held_out"])
def test_a_grammar_accepts_every_answer_of_its_own_generator(expert, generator, part):
    rng = random.Random(f"{generator}-{part}")
    draw = GENERATORS.load(generator).draw
    refused = [
        row["answer"]
        for row in (draw(rng, part, part) for _ in range(rows_of(expert)))
        if not accepts(expert, row["answer"])
    ]
    assert refused == []


@pytest.mark.parametrize("generator", JSON)
def test_every_task_of_expert_json_is_answered_in_its_grammar(generator):
    rng = random.Random(generator)
    draw = GENERATORS.load(generator).draw
    refused = [
        row["answer"]
        for part in ("train", "held_out")
        for row in (draw(rng, part, part) for _ in range(100))
        if not accepts("expert-json", row["answer"])
    ]
    assert refused == []


@pytest.mark.parametrize(
    "answer",
    [
        '{"a":1,"b":[true,null,-0.5e3],"c":{"d":"\\u00e9 é \\n"}}',
        "[]",
        '"text"',
        "-0",
        '{\n  "a": [\n    1,\n    2\n  ],\n  "b": {}\n}',
        '{ "a" : 1 , "b" : [ ] }',
    ],
)
def test_json_is_accepted(answer):
    assert accepts("expert-json", answer)


@pytest.mark.parametrize(
    "answer",
    [
        '{"a":1,}',
        "{'a':1}",
        '{"a" 1}',
        "{a:1}",
        "[1 2]",
        "01",
        "+1",
        ".5",
        "NaN",
        "True",
        '{"a":1} done',
        ' {"a":1}',
        '{"a":1}{"b":2}',
        '{"a":1,"b"}',
        '{,"a":1}',
        "[1,]",
        "// a comment\n1",
        '{"a":\u00a01}',
        "```json\n1\n```",
        '"a\n"',
        '"\\x"',
        "",
    ],
)
def test_what_is_nearly_json_is_refused(answer):
    assert not accepts("expert-json", answer)


@pytest.mark.parametrize(
    "answer",
    [
        "SELECT * FROM a;",
        "SELECT DISTINCT a.b AS c, COUNT(DISTINCT d) FROM a LEFT JOIN e ON a.x = e.x WHERE NOT (b > 1 OR c IS NULL) GROUP BY a.b HAVING SUM(d) >= 2.5 ORDER BY c DESC, a.b LIMIT 3 OFFSET 1;",
        "SELECT a FROM b WHERE c IN (SELECT d FROM e WHERE f LIKE '%it''s%') AND EXISTS (SELECT * FROM g);",
        'SELECT "Odd Name" FROM b WHERE price * 2 > -1;',
        "-- cannot: orders has no column weight",
    ],
)
def test_queries_are_accepted(answer):
    assert accepts("expert-sql", answer)


@pytest.mark.parametrize(
    "answer",
    [
        "DROP TABLE a;",
        "SELECT a FROM b; DROP TABLE b;",
        "SELECT a FROM b",
        "SELECT FROM b;",
        "SELECT to FROM b;",
        "SELECT a FROM in;",
        "SELECT a, FROM b;",
        "SELECT a FROM;",
        "SELECT a FROM b WHERE;",
        "SELECT a FROM b WHERE c = 'x;",
        "SELECT a FROM b WHERE c == 1;",
        "SELECT a FROM b ORDER c;",
        "SELECT a FROM b LIMIT many;",
        "SELECT a FROM b GROUP BY;",
        "UPDATE a SET b = 1;",
        "-- orders has no column weight",
        "-- cannot: ",
        "-- cannot: orders has no column weight\nDROP TABLE orders;",
        "cannot: orders has no column weight",
        "# cannot: orders has no column weight",
        "Here you go: SELECT a FROM b;",
        "",
    ],
)
def test_what_is_nearly_a_query_is_refused(answer):
    assert not accepts("expert-sql", answer)


@pytest.mark.parametrize(
    "answer",
    [
        "MATCH (p:Person) RETURN p",
        "MATCH (p:Person {name: 'Ann'})-[r:KNOWS|LIKES*1..3]->(:Person) WHERE NOT (p)-[:OWNS]->(:House) RETURN DISTINCT p.name AS name, count(*) AS total ORDER BY total DESC, name SKIP 5 LIMIT 10",
        "MATCH (p:Person)\nWHERE p.age >= 18 AND (p.name CONTAINS 'a' OR p.city IS NULL)\nRETURN avg(p.age)",
        "MATCH (p)<-[:OWNS]-(q) WITH p, collect(DISTINCT q.name) AS owners WHERE size(owners) > 2 RETURN p.name, owners",
        "// cannot: Person has no property age",
        "MATCH (p:Person) RETURN p.age\n// cannot: Person has no property age",
        "OPTIONAL MATCH (a:A), (b:`Odd Label`) WHERE EXISTS { MATCH (a)-[:R]->(b) } AND a.x IN [1, 2] RETURN a.x",
    ],
)
def test_cypher_is_accepted(answer):
    assert accepts("expert-neo4j", answer)


@pytest.mark.parametrize(
    "answer",
    [
        "MATCH (p:Person) DELETE p",
        "MATCH (p:Person) SET p.age = 1 RETURN p",
        "CREATE (p:Person)",
        "MATCH (p:Person)",
        "RETURN 1",
        "MATCH p:Person RETURN p",
        "MATCH (p:Person RETURN p",
        "MATCH (p:Person)-[:OWNS->(h) RETURN p",
        "MATCH (p:Person) -> (h:House) RETURN p",
        "MATCH (p:Person) WHERE RETURN p",
        "MATCH (p:Person) WHERE p.age == 3 RETURN p",
        "MATCH (p:Person) RETURN",
        "MATCH (p:Person) RETURN p.name,",
        "MATCH (p:Person) RETURN p.name ORDER p.age",
        "MATCH (p:Person) RETURN p.name LIMIT many",
        "MATCH (p:Person) WHERE p.name = 'open RETURN p",
        "MATCH (p:Person) RETURN p; MATCH (q) RETURN q",
        "CALL db.labels()",
        "// Person has no property age",
        "// cannot: Person has no property age\nMATCH (n) DELETE n",
        "-- cannot: Person has no property age",
        "LOAD CSV FROM 'file:///etc/passwd' AS line RETURN line",
        "Here: MATCH (p) RETURN p",
        "match (p) return p",
        "",
    ],
)
def test_what_is_nearly_cypher_is_refused(answer):
    assert not accepts("expert-neo4j", answer)


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ('{"name":"Ann","age":34,"paid":true,"city":null}', True),
        ('{"intent":"play","slots":{"artist":"x"}}', True),
        ("{}", True),
        ('[{"name":"Ann"}]', False),
        ('"Ann"', False),
        ('{"name": "Ann"}', False),
        ('{"name":"Ann"', False),
        ('{"name":None}', False),
        ("{'name':'Ann'}", False),
        ('{"name":"Ann"} and more', False),
        ('{"price":1,200}', False),
        ('{"a":1,}', False),
    ],
)
def test_an_extraction_is_one_object(answer, right):
    assert accepts("expert-extract", answer) is right
