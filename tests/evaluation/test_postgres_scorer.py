"""What PostgreSQL itself says of a query, and what a hostile query cannot do to it or through it."""

import os
import random
from collections.abc import Iterator
from typing import Any

import pytest

from expertbuild.data.generators import text_to_sql
from expertbuild.evaluation.engines import POSTGRES_DSN, postgres_programs
from expertbuild.evaluation.errors import EvaluationMistake
from expertbuild.evaluation.scorers import engine, postgres_server, scorer
from expertbuild.evaluation.scorers.postgres_execution import score
from expertbuild.evaluation.scorers.postgres_server import SERVER

pytest.importorskip("psycopg")
there = pytest.mark.skipif(
    not os.environ.get(POSTGRES_DSN) and postgres_programs() is None, reason="no PostgreSQL here"
)

DDL = "CREATE TABLE books (id INT, title TEXT, price REAL, year INT, sold DATE);"
GOLD = "SELECT title FROM books WHERE price > 5;"


@pytest.fixture(scope="module", autouse=True)
def server() -> Iterator[None]:
    yield
    SERVER.close()


def case(gold: str, ddl: str = DDL) -> dict[str, Any]:
    return {"id": "case", "messages": [], "answer": gold, "stratum": "x", "facts": {"ddl": ddl}}


@there
@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("select title from books where not price <= 5", "the same rows"),
        ("SELECT title FROM books WHERE price::numeric > 5::numeric", "the same rows"),
        ("SELECT title FROM books WHERE price >= 5", "instead of"),
        ("SELECT title, price FROM books WHERE price > 5", "instead of"),
        ("SELECT titel FROM books", 'fails: column "titel" does not exist'),
        ("SELECT title FROM books WHERE price > 'x'", "fails: invalid input syntax"),
        ("SELECT title FROM", "fails: syntax error"),
        ("SELECT '\\x00' FROM books WHERE title = '\x00'", "fails"),
        ("-- cannot: books has no column title", "says that it cannot"),
        ("", "no query"),
    ],
)
def test_rows_are_compared_on_postgresql(query: str, said: str) -> None:
    found = score(query, case(GOLD))
    assert said in found.reason
    assert found.value == float(said == "the same rows")


@there
@pytest.mark.parametrize(
    "query",
    [
        "DROP TABLE books",
        "DELETE FROM books RETURNING title",
        "WITH gone AS (DELETE FROM books RETURNING title) SELECT title FROM gone",
        "SELECT 1; DROP SCHEMA cases CASCADE",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT set_config('role', 'owner', false), pg_read_file('/etc/passwd')",
        "COPY books TO PROGRAM 'touch /tmp/made'",
        "SELECT lo_import('/etc/passwd')",
        "SELECT pg_sleep(1000)",
        "SELECT a FROM generate_series(1, 100000000000) AS a",
        "WITH RECURSIVE t AS (SELECT 1 AS a UNION ALL SELECT a FROM t) SELECT count(*) FROM t",
        "SELECT repeat('x', 1000000000)",
        "SELECT pg_terminate_backend(pg_backend_pid())",
        "SELECT pg_reload_conf()",
    ],
)
def test_a_hostile_query_fails_its_case_and_no_other(query: str) -> None:
    found = score(query, case(GOLD), seconds=1)
    assert (found.value, found.reason.split(":")[0]) == (0, "fails"), found.reason
    assert score("select title from books where price > 5.0", case(GOLD)).value == 1


@there
def test_the_expected_queries_of_the_task_run_there() -> None:
    rng = random.Random("postgres")
    for _ in range(25):
        row = text_to_sql.draw(rng)
        found = score(row["answer"].rstrip(";"), row, databases=2)
        assert found.value == 1 or "decides this case" in found.reason, (row["answer"], found.reason)


@there
def test_nothing_stays_and_the_evaluation_says_who_judged() -> None:
    score("SELECT title FROM books", case(GOLD))
    found = SERVER.connection().execute("SELECT count(*) FROM pg_namespace WHERE nspname = 'cases'").fetchone()
    SERVER.connection().rollback()
    assert found == (0,)
    assert (engine({"kind": "postgres_execution"}) or "").startswith("PostgreSQL ")


@there
@pytest.mark.skipif(bool(os.environ.get(POSTGRES_DSN)), reason="the server is not ours")
def test_a_server_that_died_is_started_again_and_leaves_nothing_behind() -> None:
    assert score("select title from books where price > 5.0", case(GOLD)).value == 1
    assert SERVER.pid is not None and SERVER._folder is not None
    folder = SERVER._folder
    os.kill(SERVER.pid, 9)
    assert SERVER._process is not None
    SERVER._process.wait()
    score("select title from books where price > 5.0", case(GOLD))
    assert score("select title from books where price > 5.0", case(GOLD)).value == 1
    assert not folder.exists()


def test_a_machine_without_postgresql_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    SERVER.close()
    monkeypatch.delenv(POSTGRES_DSN, raising=False)
    monkeypatch.setattr(postgres_server, "postgres_programs", lambda: None)
    with pytest.raises(EvaluationMistake, match="no PostgreSQL to run queries on"):
        scorer({"kind": "postgres_execution"})("SELECT 1", case(GOLD))
