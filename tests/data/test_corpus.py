"""The base's corpus: every field is what it says it is, and none holds an expert's task."""

import ast
import json
import random
import re
import sqlite3

import pytest

from expertbuild.data.generators.corpus import sql_text
from expertbuild.data.generators.corpus.mixture import FIELDS, Document, block
from expertbuild.data.generators.tables import schema
from expertbuild.data.generators.tasks import GENERATORS

WEIGHTS = dict.fromkeys(FIELDS, 1.0)
SAMPLE = list(block(WEIGHTS, 3000, "test"))
QUERY = re.compile(r"^\s*(SELECT|WITH|MATCH|INSERT|UPDATE|DELETE)\b")


def documents(field: str) -> list[Document]:
    return [document for name, document in SAMPLE if name == field]


def turns() -> list[tuple[str, str]]:
    """Every user turn with the answer that follows it."""
    found = []
    for _, document in SAMPLE:
        if not isinstance(document, str):
            asked = [turn["content"] for turn in document if turn["role"] == "user"]
            answered = [turn["content"] for turn in document if turn["role"] == "assistant"]
            found += list(zip(asked, answered, strict=True))
    assert len(found) > 500
    return found


def test_the_same_seed_gives_the_same_corpus_and_another_seed_does_not() -> None:
    assert SAMPLE[:50] == list(block(WEIGHTS, 50, "test"))
    assert SAMPLE[:50] != list(block(WEIGHTS, 50, "other"))


def test_every_python_snippet_parses() -> None:
    for document in documents("python"):
        ast.parse(document)


@pytest.mark.parametrize("language", ["typescript", "rust"])
def test_every_snippet_of_the_other_languages_parses(language: str) -> None:
    grammar = pytest.importorskip(f"tree_sitter_{language}")
    tree_sitter = pytest.importorskip("tree_sitter")
    made = grammar.language_typescript() if language == "typescript" else grammar.language()
    parser = tree_sitter.Parser(tree_sitter.Language(made))
    for document in documents(language):
        assert isinstance(document, str)
        assert not parser.parse(document.encode()).root_node.has_error, document


def test_every_query_of_the_corpus_runs() -> None:
    rng = random.Random("queries")
    for _ in range(300):
        tables = schema(rng, tables=rng.choice((1, 2)))
        database = sqlite3.connect(":memory:")
        for table in tables:
            database.execute(table.ddl())
        database.execute(sql_text.query(rng, tables))


def test_plain_json_documents_parse() -> None:
    plain = [document for document in documents("json") if isinstance(document, str) and document[0] in "{["]
    assert len(plain) > 50
    decoder = json.JSONDecoder()
    for document in plain:
        rest = document
        while rest.strip():
            _, end = decoder.raw_decode(rest.lstrip())
            rest = rest.lstrip()[end:]


def test_no_question_stands_with_its_query() -> None:
    for asked, answered in turns():
        assert not QUERY.match(answered) or answered in asked
    for field in ("sql", "cypher"):
        for document in documents(field):
            if isinstance(document, str):
                assert not any(line.endswith("?") for line in document.splitlines())


def test_no_answer_is_a_document_that_the_question_does_not_already_hold() -> None:
    """Neither a repair nor an extraction: JSON is only ever answered by copying it."""
    for asked, answered in turns():
        if answered[:1] in ("{", "["):
            assert answered in asked


def test_no_answer_is_code() -> None:
    for asked, answered in turns():
        code = re.search(r"\b(def|fn|function|interface|struct|class) \w+ ?[({:<]", answered)
        assert code is None or answered in asked


@pytest.mark.parametrize("name", ["text_to_cypher", "text_to_json"])
def test_no_pair_of_a_later_task_is_in_the_corpus(name: str) -> None:
    """No answer of the task is ever an answer of the corpus, but where it is said again to the letter."""
    draw = GENERATORS.load(name).draw
    rng = random.Random("pairs")
    begins = {draw(rng, words="all", phrasings="all")["answer"].split()[0][:1] for _ in range(200)}
    assert begins <= {"M", "{", "/"}
    for asked, answered in turns():
        if answered.startswith(("MATCH ", "{", "// cannot", "-- cannot")):
            assert answered in asked
        if re.search(r"^\(:\w+\)-\[:\w+\]->\(:\w+\)$", asked, re.MULTILINE):  # a graph schema: asked about itself only
            assert not re.search(r"\b(MATCH|RETURN|WHERE)\b", answered) or answered in asked
