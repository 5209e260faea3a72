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
    "expert-json": "json_repair",
    "expert-neo4j": "text_to_cypher",
    "expert-sql": "text_to_sql",
}


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


@pytest.mark.parametrize(("expert", "generator"), EXPERTS.items())
@pytest.mark.parametrize("part", ["train", "held_out"])
def test_a_grammar_accepts_every_answer_of_its_own_generator(expert, generator, part):
    rng = random.Random(f"{generator}-{part}")
    draw = GENERATORS.load(generator).draw
    refused = [
        row["answer"] for row in (draw(rng, part, part) for _ in range(200)) if not accepts(expert, row["answer"])
    ]
    assert refused == []


@pytest.mark.parametrize(
    "answer",
    [
        '{"a":1,"b":[true,null,-0.5e3],"c":{"d":"\\u00e9 é \\n"}}',
        "[]",
        '"text"',
        "-0",
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
        "SELECT a, FROM b;",
        "SELECT a FROM;",
        "SELECT a FROM b WHERE;",
        "SELECT a FROM b WHERE c = 'x;",
        "SELECT a FROM b WHERE c == 1;",
        "SELECT a FROM b ORDER c;",
        "SELECT a FROM b LIMIT many;",
        "SELECT a FROM b GROUP BY;",
        "UPDATE a SET b = 1;",
        "Here you go: SELECT a FROM b;",
        "",
    ],
)
def test_what_is_nearly_a_query_is_refused(answer):
    assert not accepts("expert-sql", answer)
