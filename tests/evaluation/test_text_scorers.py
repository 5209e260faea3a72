"""Scores of text and of documents: words that are shared, schemas that hold, SQL that PostgreSQL reads."""

import os
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expertbuild.evaluation.errors import EvaluationMistake
from expertbuild.evaluation.scorers import engine, scorer, sql_parse
from expertbuild.evaluation.scorers.json_schema import score as valid
from expertbuild.evaluation.scorers.token_f1 import score as f1

SCHEMA = {
    "type": "object",
    "required": ["age"],
    "properties": {"age": {"type": "integer"}},
    "additionalProperties": False,
}


def case(answer: str, **facts: Any) -> dict[str, Any]:
    return {"id": "case", "messages": [], "answer": answer, "stratum": "x", "facts": facts}


def test_token_f1_counts_words_as_often_as_they_come_up() -> None:
    assert f1("The cat, the dog.", case("the dog the CAT")).value == 1
    assert f1("the cat", case("the cat the dog")).value == pytest.approx(2 * 2 / 6)
    assert f1("a bird", case("the cat")).value == 0
    assert f1("", case("the cat")).value == 0
    assert f1("…", case("!")).value == 1


@given(st.text(), st.text())
def test_token_f1_is_the_same_from_both_sides(one: str, other: str) -> None:
    value = f1(one, case(other)).value
    assert 0 <= value <= 1
    assert value == pytest.approx(f1(other, case(one)).value)


@pytest.mark.parametrize("kind", ["bleu", "chrf"])
def test_bleu_and_chrf_are_sacrebleus_own(kind: str) -> None:
    sacrebleu = pytest.importorskip("sacrebleu")
    judge, gold = scorer({"kind": kind}), case("the cat sat on the mat")
    assert judge("the cat sat on the mat", gold).value == pytest.approx(1)
    assert judge("", gold).value == judge("...", gold).value == 0
    near = judge("the cat sat on a mat", gold)
    counted = {
        "bleu": lambda *words: sacrebleu.sentence_bleu(*words, use_effective_order=True),
        "chrf": sacrebleu.sentence_chrf,
    }
    assert near.value == pytest.approx(counted[kind]("the cat sat on a mat", [gold["answer"]]).score / 100)
    assert 0 < near.value < 1
    assert (engine({"kind": kind}) or "").startswith("sacrebleu 2.")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ('{"age": 3}', "valid"),
        ('{"age": "3"}', "$.age: '3' is not of type 'integer'"),
        ("{}", "'age' is a required property"),
        ('{"age": 3, "name": "x"}', "Additional properties"),
        ('{"age": 3', "not JSON"),
        ('{"age": NaN}', "not JSON"),
        ("[" * 50_000, "not JSON"),
    ],
)
def test_a_document_is_valid_under_its_rows_schema(answer: str, said: str) -> None:
    found = valid(answer, case("{}", schema=SCHEMA))
    assert said in found.reason
    assert found.value == float(said == "valid")


@pytest.mark.parametrize(
    "schema", ["{", {"type": "objekt"}, {"$ref": "http://127.0.0.1:9/schema.json"}, {"$ref": "#/nowhere"}]
)
def test_a_schema_that_cannot_be_used_fails_its_case_and_fetches_nothing(schema: Any) -> None:
    found = valid('{"age": 3}', case("{}", schema=schema))
    assert found.value == 0
    assert "no schema that can be used" in found.reason


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELECT a FROM b WHERE c ILIKE 'x%' LIMIT 3;", "parses"),
        ("```sql\nWITH t AS (SELECT 1) SELECT * FROM t\n```", "parses"),
        ("SELECT a FROM b WHERE;", "does not parse"),
        ("SELECT 1; SELECT 2", "it is 2 statements"),
        ("DROP TABLE b", "no SELECT but a Drop"),
        ("", "no query"),
        ("SELECT " + "(" * 20_000 + "1" + ")" * 20_000, ""),
        ("x" * 200_000, "too long"),
    ],
)
def test_sql_is_read_by_postgresqls_own_parser(query: str, said: str) -> None:
    pytest.importorskip("pglast")
    found = sql_parse.score(query, case("SELECT 1"))
    assert said in found.reason
    assert found.value == float(said == "parses")
    assert sql_parse.score("SELECT 1", case("SELECT 1")).value == 1, "the next case is judged"


def test_other_statements_pass_where_they_are_wanted() -> None:
    pytest.importorskip("pglast")
    assert sql_parse.score("INSERT INTO a VALUES (1)", case(""), statements="any").value == 1
    with pytest.raises(EvaluationMistake, match='"all" is no kind of statement'):
        sql_parse.score("SELECT 1", case(""), statements="all")
    assert "pglast" in (engine({"kind": "sql_parse"}) or "")


def test_a_parser_that_died_is_started_again() -> None:
    pytest.importorskip("pglast")
    sql_parse.score("SELECT 1", case(""))
    assert sql_parse.WORKER.pid is not None
    os.kill(sql_parse.WORKER.pid, 9)
    sql_parse.score("SELECT 1", case(""))
    assert sql_parse.score("SELECT 1", case("")).value == 1


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=200))
def test_no_answer_makes_a_scorer_raise(answer: str) -> None:
    pytest.importorskip("pglast")
    for judge, row in (
        (f1, case("x")),
        (valid, case("{}", schema=SCHEMA)),
        (sql_parse.score, case("SELECT 1")),
    ):
        assert 0 <= judge(answer, row).value <= 1
