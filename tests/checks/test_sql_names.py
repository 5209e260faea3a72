"""What a query names and the schema has not: every column that was taken away, and nothing that is there."""

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expertbuild.data.generators import text_to_sql
from runtime.checks import remark
from runtime.checks.sql_names import schema

FILMS = (
    "CREATE TABLE films (id INTEGER PRIMARY KEY, title VARCHAR(50), year INT, studio_id INT REFERENCES studios(id));"
)
STUDIOS = """CREATE TABLE IF NOT EXISTS "public"."studios" (
  id SERIAL, -- the number, of course
  "Big Name" TEXT DEFAULT 'a, (b',
  city TEXT,
  PRIMARY KEY (id), UNIQUE (city), CHECK (id > 0)
);"""
ASKED = f"It's about films:\n{FILMS}\n{STUDIOS}\nWhich studio's films are oldest?"


def said(query: str, asked: str = ASKED) -> str:
    return remark("sql_names", [{"role": "user", "content": asked}], query)


def test_a_schema_is_read_out_of_what_was_asked() -> None:
    assert schema(ASKED) == {
        "films": {"id", "title", "year", "studio_id"},
        "studios": {"id", "big name", "city"},
    }


@pytest.mark.parametrize(
    "query",
    [
        "SELECT title FROM films;",
        "select TITLE, Films.Year from FILMS where year > 1990 order by year desc nulls last limit 3",
        "SELECT f.title, s.city FROM films f JOIN studios AS s ON f.studio_id = s.id",
        "SELECT f.title AS called FROM films AS f ORDER BY called",
        "SELECT \"Big Name\" FROM studios WHERE city LIKE 'a% weight'",
        "SELECT COUNT(*), MAX(year) newest FROM films GROUP BY studio_id HAVING COUNT(*) > 2 ORDER BY newest",
        "SELECT title FROM films WHERE studio_id IN (SELECT id FROM studios WHERE city = 'Rome')",
        "SELECT title FROM films WHERE EXISTS (SELECT 1 FROM studios WHERE studios.id = studio_id)",
        "WITH old AS (SELECT title AS name, year FROM films) SELECT name, old.year FROM old",
        "SELECT x.n FROM (SELECT COUNT(*) AS n FROM films) AS x",
        "SELECT n FROM (SELECT COUNT(*) AS n FROM films) x, studios",
        "SELECT EXTRACT(decade FROM title), CAST(year AS numeric), year::float8 FROM films",
        "SELECT title, ROW_NUMBER() OVER (PARTITION BY studio_id ORDER BY year) FROM films",
        "SELECT city FROM studios UNION ALL SELECT title FROM films",
        "SELECT title FROM public.films, generate_series(1, 3) AS g WHERE films.year = g",
        "SELECT (films.year) FROM (films JOIN studios ON studios.id = films.studio_id)",
        "SELECT CASE WHEN year IS NULL THEN 'never' ELSE title END FROM films -- weight",
        "SELECT DATE '2020-01-01', INTERVAL '1 day', CURRENT_DATE FROM films",
        "",
        "SELECT",
        "((((",
        "films.",
    ],
)
def test_what_is_there_is_passed(query: str) -> None:
    assert said(query) == ""


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("SELECT weight FROM films;", "films has no column weight"),
        ("SELECT f.weight FROM films f", "films has no column weight"),
        ("SELECT title FROM films WHERE COALESCE(weight, 0) > 3", "films has no column weight"),
        ("SELECT s.title FROM films f JOIN studios s ON s.id = f.studio_id", "studios has no column title"),
        ("SELECT title FROM films WHERE studio_id IN (SELECT number FROM studios)", "studios has no column number"),
        ("SELECT title FROM movies", "there is no table movies"),
        ("SELECT movies.title FROM films", "there is no table movies"),
        ("SELECT title FROM films JOIN fes ON fes.id = films.id", "there is no table fes"),
    ],
)
def test_what_is_not_there_is_told(query: str, why: str) -> None:
    assert said(query) == f"\n-- cannot: {why}"


def test_nothing_is_said_without_a_schema_or_of_what_says_it_already() -> None:
    assert said("SELECT weight FROM films", "Write me some SQL.") == ""
    assert said("SELECT weight FROM films;\n-- cannot: films has no column weight") == ""


def test_every_case_without_an_answer_is_told_and_no_other() -> None:
    rng = random.Random("names")
    lost = 0
    for number in range(3000):
        words, phrasings = ("train", "held_out") if number % 2 else ("held_out", "train")
        row = text_to_sql.draw(rng, words, phrasings)
        query, _, why = row["answer"].partition("\n")
        lost += bool(why)
        assert remark("sql_names", row["messages"], query) == (f"\n{why}" if why else ""), row
    assert lost > 80


PIECES = [
    "SELECT ",
    "FROM ",
    "films",
    "(",
    ")",
    ",",
    ".",
    " AS ",
    "'",
    '"',
    "--",
    "/*",
    "x",
    " JOIN ",
    "WITH ",
    ";",
    "\n",
]


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
def test_any_text_is_read_to_its_end(text: str) -> None:
    said(text)
    said("SELECT title FROM films", f"CREATE TABLE {text}")


@pytest.mark.parametrize(
    "piece",
    [
        "(",
        "'",
        "''a",
        "$$",
        "/*",
        '"',
        "a.",
        "a ",
        "CREATE ",
        "CREATE TABLE t (",
        "FROM (",
        "CASE ",
        "WITH a AS (",
        " ",
    ],
)
def test_long_and_deep_text_takes_little_time(piece: str) -> None:
    begun = time.process_time()
    said(f"SELECT {piece * 20000}")
    said("SELECT title FROM films", f"{FILMS} CREATE TABLE t ({piece * 20000}")
    assert time.process_time() - begun < 10
