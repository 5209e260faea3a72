"""What PostgreSQL itself says of a query, and what a hostile query cannot do to it or through it."""

import os
import random
import signal
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from expertbuild.data.generators import text_to_sql
from expertbuild.evaluation.engines import POSTGRES_DSN, postgres_programs
from expertbuild.evaluation.errors import EvaluationMistake
from expertbuild.evaluation.scorers import engine, postgres_execution, postgres_server, scorer
from expertbuild.evaluation.scorers.postgres_execution import score
from expertbuild.evaluation.scorers.postgres_server import SERVER, Server

pytest.importorskip("psycopg")
there = pytest.mark.skipif(
    not os.environ.get(POSTGRES_DSN) and postgres_programs() is None, reason="no PostgreSQL here"
)

ours = pytest.mark.skipif(bool(os.environ.get(POSTGRES_DSN)), reason="the server is not ours")

DDL = "CREATE TABLE books (id INT, title TEXT, price REAL, year INT, sold DATE);"
GOLD = "SELECT title FROM books WHERE price > 5;"
RIGHT = "select title from books where price > 5.0"
ENDLESS = "SELECT length(translate(repeat('b', 60000), repeat('a', 60000), '')) FROM books"  # for a minute, in one loop


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
        "SELECT set_config('client_encoding', 'EUC_TW', false) FROM books",
        "SELECT pg_advisory_lock(g) FROM generate_series(1, 9000) AS g",
        "SELECT repeat('x', 5000000) FROM generate_series(1, 10000)",
        "SELECT repeat('x', 2000) FROM generate_series(1, 9000)",
        "SELECT title FROM books WHERE title = '\ud800'",
        "SELECT 'infinity'::date FROM books",
    ],
)
def test_a_hostile_query_fails_its_case_and_no_other(query: str) -> None:
    found = score(query, case(GOLD), seconds=1)
    assert (found.value, found.reason.split(":")[0]) == (0, "fails"), found.reason
    assert score(RIGHT, case(GOLD)).value == 1


@there
@pytest.mark.parametrize("kind", ["json", "jsonb"])
def test_json_is_text_however_deep(kind: str) -> None:
    gold = case("SELECT '{\"a\": [1, 2.50]}'::json FROM books")
    assert score(f"SELECT '{{\"a\": [1, 2.50]}}'::{kind} FROM books WHERE true", gold).value == 1
    assert score(f"SELECT (repeat('[', 3000) || repeat(']', 3000))::{kind} FROM books", gold).value == 0


@there
@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01"])
def test_a_query_may_name_the_first_and_the_last_day(day: str) -> None:
    assert score(f"SELECT title FROM books WHERE sold < '{day}'", case("SELECT title FROM books")).value == 0
    assert (
        score(
            f"SELECT title FROM books WHERE '{day}' >= sold", case(f"SELECT title FROM books WHERE sold <= '{day}'")
        ).value
        == 1
    )


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
    score("SELECT count(pg_advisory_lock(g)) FROM generate_series(1, 100) AS g", case(GOLD))
    left = """SELECT (SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'cases%'),
                     (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory')"""
    found = SERVER.connection().execute(left).fetchone()
    SERVER.connection().rollback()
    assert found == (0, 0)
    assert (engine({"kind": "postgres_execution"}) or "").startswith("PostgreSQL ")


@there
def test_a_query_that_the_server_does_not_stop_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_execution, "LATE", 0.5)
    backend = SERVER.connection().info.backend_pid
    start = time.monotonic()
    assert score(ENDLESS, case(GOLD), seconds=0.5).reason == "fails: it runs too long"
    assert time.monotonic() - start < 20
    if SERVER.pid is not None:
        with pytest.raises(ProcessLookupError):
            os.kill(backend, 0)
    assert score(RIGHT, case(GOLD)).value == 1


@there
@ours
def test_a_process_of_the_server_that_dies_costs_no_case() -> None:
    assert score(RIGHT, case(GOLD)).value == 1
    for _ in range(3):
        os.kill(SERVER.connection().info.backend_pid, signal.SIGKILL)
        assert score(RIGHT, case(GOLD)).reason == "the same rows on 4 databases"


@there
@ours
def test_a_query_is_left_to_a_server_that_is_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    SERVER.connection()
    monkeypatch.setattr(postgres_execution, "LATE", 0.5)
    monkeypatch.setattr(postgres_execution, "SERVER", other := Server())
    monkeypatch.setenv(POSTGRES_DSN, f"host={SERVER._folder} dbname=postgres user=judge")
    assert score(ENDLESS, case(GOLD), seconds=0.5).reason == "fails: it runs too long"
    assert score(RIGHT, case(GOLD)).value == 1
    busy = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid()"
    assert other.connection().execute(busy).fetchone() == (1,)
    other.close()
    SERVER.close()


@there
@ours
@pytest.mark.parametrize("user", ["owner", "heir"])
def test_a_role_that_may_do_everything_is_refused(user: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import psycopg

    SERVER.connection()
    named = f"host={SERVER._folder} dbname=postgres user="
    with psycopg.connect(f"{named}owner", autocommit=True) as owner:
        owner.execute("DROP ROLE IF EXISTS heir")
        owner.execute("CREATE ROLE heir LOGIN IN ROLE owner")
    monkeypatch.setenv(POSTGRES_DSN, named + user)
    with pytest.raises(EvaluationMistake, match=f"{POSTGRES_DSN} names is a superuser or can become one") as caught:
        Server().connection()
    assert "CREATE ROLE judge" in str(caught.value.hint)


def test_a_server_that_never_comes_up_is_waited_for_and_then_named(monkeypatch: pytest.MonkeyPatch) -> None:
    said = b"SFATAL\0C57P03\0Mthe database system is starting up\0\0"
    asked = []

    def answer(door: socket.socket) -> None:
        while True:
            line, _ = door.accept()
            with line:
                asked.append(line.recv(1000))
                line.sendall(b"E" + (len(said) + 4).to_bytes(4, "big") + said)

    with socket.create_server(("127.0.0.1", 0)) as door:
        threading.Thread(target=answer, args=(door,), daemon=True).start()
        where = f"host=127.0.0.1 port={door.getsockname()[1]} sslmode=disable gssencmode=disable user=a"
        monkeypatch.setenv(POSTGRES_DSN, where)
        monkeypatch.setattr(postgres_server, "START", 0.5)
        with pytest.raises(EvaluationMistake, match=r"takes no connection: .*the database system is starting up"):
            Server().connection()
    assert len(asked) > 1


def test_words_that_name_no_server_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(POSTGRES_DSN, "host=localhost hush")
    with pytest.raises(EvaluationMistake) as caught:
        Server().connection()
    assert POSTGRES_DSN in str(caught.value)
    assert "hush" not in str(caught.value)


@there
@ours
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
