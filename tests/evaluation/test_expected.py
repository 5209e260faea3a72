"""A grammar has to let through what the test set expects."""

from typing import Any

import pytest

from expertbuild.evaluation.errors import EvaluationMistake
from expertbuild.evaluation.expected import require_expected
from runtime.engine.tokenizer import Tokenizer
from tests.tiny import tiny_base

GRAMMAR = 'root ::= "{\\"n\\": " [0-9] "}"'


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    return Tokenizer.load(tiny_base(tmp_path_factory.mktemp("base")))


def case(number: int, answer: str) -> dict[str, Any]:
    return {"id": f"case-{number}", "messages": [{"role": "user", "content": f"say {number}"}], "answer": answer}


def test_a_grammar_that_accepts_every_expected_answer_passes(tokenizer: Tokenizer) -> None:
    require_expected(GRAMMAR, tokenizer, [case(n, f'{{"n": {n}}}') for n in range(10)], "grammar.gbnf")


@pytest.mark.parametrize(
    ("answer", "place"),
    [('{"n": 12}', "refused after '{\"n\": 1'"), ("no", "refused at its beginning"), ('{"n": 1', "refused after")],
)
def test_a_grammar_that_rejects_its_own_test_set_shows_the_case(tokenizer: Tokenizer, answer: str, place: str) -> None:
    cases = [case(1, '{"n": 1}'), case(2, answer), case(3, answer)]
    with pytest.raises(EvaluationMistake) as refused:
        require_expected(GRAMMAR, tokenizer, cases, "grammar.gbnf")
    said = str(refused.value)
    assert "decoding.grammar: grammar.gbnf rejects 2 of 3 answers" in said
    assert f"case case-2: asked 'say 2', expected {answer!r}, {place}" in said


def test_a_bound_grammar_that_cannot_say_an_answer_shows_the_case_and_what_binds_it(tokenizer: Tokenizer) -> None:
    grammar, bind = 'root ::= "SELECT id FROM " table ";"\ntable ::= [a-z]+', {"table": "sql_tables"}
    rows = [case(1, "SELECT id FROM films;"), case(2, "SELECT id FROM movies;")]
    for row in rows:
        row["messages"][0]["content"] = "CREATE TABLE films (id INT);"
    require_expected(grammar, tokenizer, rows, "grammar.gbnf")
    require_expected(grammar, tokenizer, rows[:1], "grammar.gbnf", bind)
    with pytest.raises(EvaluationMistake) as refused:
        require_expected(grammar, tokenizer, rows, "grammar.gbnf", bind)
    said = str(refused.value)
    assert "decoding.bind: grammar.gbnf, bound to what stands in the conversation, rejects 1 of 2" in said
    assert "case-2" in said and "movies" in said
