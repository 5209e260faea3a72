"""What counts as right, and what a hostile answer cannot do."""

import json
import random
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expertbuild.catalogue import UnknownName
from expertbuild.data.generators import text_to_sql
from expertbuild.evaluation.errors import EvaluationMistake
from expertbuild.evaluation.scorers import modules, scorer
from expertbuild.evaluation.scorers.exact_match import score as exact
from expertbuild.evaluation.scorers.json_equal import score as equal
from expertbuild.evaluation.scorers.json_schema import score as valid
from expertbuild.evaluation.scorers.sql_execution import same, score, unfenced
from expertbuild.evaluation.scorers.sqlite_box import Box

DDL = (
    "CREATE TABLE authors (id INT, name TEXT, city TEXT);\n"
    "CREATE TABLE books (id INT, author_id INT, title TEXT, price REAL, year INT, sold DATE);"
)


def case(answer: str, **facts: Any) -> dict[str, Any]:
    return {"id": "case", "messages": [], "answer": answer, "stratum": "x", "facts": facts}


LETTERS = "printf('%.*c', {}, '{}')"  # so many of one letter


def judged(gold: str, query: str) -> float:
    return score(query, case(gold, ddl=DDL)).value


def test_a_question_about_a_column_that_is_not_there_wants_to_hear_so() -> None:
    gold = "-- cannot: books has no column weight"
    assert judged(gold, "-- cannot:  books has no column weight\n") == 1
    assert judged(gold, "-- cannot: books has no column price") == 0
    assert judged(gold, "SELECT title FROM books;") == 0
    assert judged("SELECT title FROM books;", gold) == 0


def test_what_says_that_there_is_no_answer_may_stand_below_a_query() -> None:
    gold = "SELECT weight FROM books;\n-- cannot: books has no column weight"
    assert judged(gold, gold) == 1
    assert judged(gold, "SELECT price, weight FROM books;\n-- cannot: books has no column weight") == 1
    assert judged(gold, "-- cannot: books has no column weight") == 1
    assert judged(gold, "SELECT weight FROM books;") == 0
    assert judged(gold, "SELECT weight FROM books;\n-- cannot: books has no column price") == 0
    assert judged("SELECT title FROM books;", "SELECT title FROM books;\n-- cannot: books has no column title") == 0
    assert judged("SELECT title FROM books;", "SELECT title FROM books; -- nothing to say") == 1


# --- exact match, JSON ------------------------------------------------------------------------------------------


def test_exact_match_minds_letters_not_blanks_around() -> None:
    assert exact(" a b\n", case("a b")).value == 1
    assert exact("a  b", case("a b")).value == exact("A b", case("a b")).value == 0
    assert exact("A b", case("a b"), ignore_case=True).value == 1


def test_where_the_spelling_is_the_task_no_other_is_right() -> None:
    gold = case('{\n  "a": 1,\n  "b": []\n}', expected={"b": [], "a": 1}, as_written=True)
    assert equal(gold["answer"], gold).value == 1
    for other in ('{"a":1,"b":[]}', '{\n  "b": [],\n  "a": 1\n}', gold["answer"] + "\n"):
        assert equal(other, gold).reason == "the same document, written otherwise"
    assert equal('{"a":2,"b":[]}', gold).reason == "$.a is 2 instead of 1"


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(json_values, st.randoms())
def test_json_is_equal_to_itself_in_any_key_order_and_layout(value: Any, rng: random.Random) -> None:
    def turned(node: Any) -> Any:
        if isinstance(node, dict):
            keys = list(node)
            rng.shuffle(keys)
            return {key: turned(node[key]) for key in keys}
        return [turned(each) for each in node] if isinstance(node, list) else node

    text = json.dumps(turned(value), indent=rng.choice([None, 2]), ensure_ascii=rng.choice([True, False]))
    assert equal(text, case("", expected=value)).value == 1


@given(json_values, json_values)
def test_json_is_equal_only_to_what_is_the_same_document(one: Any, two: Any) -> None:
    same_text = json.dumps(one, sort_keys=True) == json.dumps(two, sort_keys=True)
    if not same_text and one != two:
        assert equal(json.dumps(one), case("", expected=two)).value == 0


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ('{"a": 1,}', "not JSON"),
        ('```json\n{"a": 1}\n```', "not JSON"),
        ('{"a": 1} ', None),
        ('{"a": 1.0}', None),
        ('{"a": true}', r"$.a is true instead of 1"),
        ('{"a": "1"}', r'$.a is "1" instead of 1'),
        ('{"a": 1, "a": 1}', "twice"),
        ('{"a": NaN}', "NaN"),
        ('{"b": 1}', "$.a is missing"),
        ('{"a": 1, "b": 2}', "$.b should not be there"),
        ("[" * 100_000, "not JSON"),
        ("", "not JSON"),
    ],
)
def test_json_is_judged_strictly_and_says_why(answer: str, reason: str | None) -> None:
    found = equal(answer, case("", expected={"a": 1}))
    assert (found.value == 1) == (reason is None)
    assert reason is None or reason in found.reason


def test_json_may_be_nested_as_deep_as_it_likes() -> None:
    for depth in (300, 600, *range(900, 1_000)):
        answer = '{"a":' + "[" * depth + "]" * depth + "}"
        assert equal(answer, case("", expected={"a": "x"})).value == 0
        assert equal(answer, case(answer)).reason.startswith(("equal", "it is nested too deep", "not JSON"))


def test_a_number_may_be_too_large_for_what_a_schema_asks() -> None:
    pytest.importorskip("jsonschema")
    asked = case("1", schema={"type": "number", "multipleOf": 0.01})
    assert valid("0.5", asked).value == 1
    assert valid("1" + "0" * 400, asked).reason == "it has a number that is too large to be judged"
    assert valid("1e999", asked).value == 0


# --- SQL by execution -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gold", "query"),
    [
        ("SELECT title FROM books WHERE price > 5", "select b.title from books as b where 5 < b.price;"),
        ("SELECT title, price FROM books", "SELECT price, title FROM books"),
        ("SELECT title FROM books ORDER BY price", "SELECT title FROM books ORDER BY price ASC"),
        ("SELECT title FROM books", "SELECT title FROM books ORDER BY title"),
        ("SELECT COUNT(*) FROM books", "SELECT COUNT(id) FROM books"),
        ("SELECT AVG(price) FROM books", "SELECT SUM(price) / COUNT(price) FROM books"),
        (
            "SELECT title FROM books WHERE year IN (1999, 2001)",
            "SELECT title FROM books WHERE year = 1999 OR year = 2001",
        ),
        (
            "SELECT books.title FROM books JOIN authors ON books.author_id = authors.id WHERE authors.city = 'Rome'",
            "SELECT title FROM books WHERE author_id IN (SELECT id FROM authors WHERE city = 'Rome')",
        ),
        ("SELECT title FROM books", "```sql\nSELECT title FROM books\n```"),
    ],
)
def test_another_way_to_say_the_same_is_right(gold: str, query: str) -> None:
    assert judged(gold, query) == 1


@pytest.mark.parametrize(
    ("gold", "query"),
    [
        ("SELECT title FROM books WHERE price > 5", "SELECT title FROM books WHERE price >= 5"),
        ("SELECT title FROM books WHERE price > 5", "SELECT title FROM books WHERE price > 50"),
        ("SELECT title FROM books WHERE price > 5", "SELECT title FROM books"),
        ("SELECT title FROM books", "SELECT DISTINCT title FROM books"),
        ("SELECT title FROM books ORDER BY price", "SELECT title FROM books"),
        ("SELECT title FROM books ORDER BY price", "SELECT title FROM books ORDER BY price DESC"),
        ("SELECT title FROM books ORDER BY year DESC LIMIT 3", "SELECT title FROM books ORDER BY year DESC LIMIT 2"),
        ("SELECT year, COUNT(*) FROM books GROUP BY year", "SELECT year, SUM(id) FROM books GROUP BY year"),
        ("SELECT year FROM books GROUP BY year HAVING COUNT(*) > 2", "SELECT year FROM books GROUP BY year"),
        ("SELECT title FROM books WHERE title LIKE 'A%'", "SELECT title FROM books WHERE title LIKE '%A%'"),
        ("SELECT title FROM books WHERE price IS NULL", "SELECT title FROM books WHERE price = 0"),
        ("SELECT title FROM books WHERE sold > '2020-05-01'", "SELECT title FROM books WHERE sold < '2020-05-01'"),
        (
            "SELECT title FROM books WHERE id NOT IN (SELECT author_id FROM books)",
            "SELECT title FROM books WHERE id IN (SELECT author_id FROM books)",
        ),
        (
            "SELECT title FROM books WHERE year = 1999 AND price < 3",
            "SELECT title FROM books WHERE year = 1999 OR price < 3",
        ),
    ],
)
def test_a_lucky_query_is_found_out(gold: str, query: str) -> None:
    assert judged(gold, query) == 0
    assert judged(gold, gold) == 1


def test_every_generated_answer_is_right_by_its_own_measure() -> None:
    rng = random.Random("own")
    for _ in range(60):
        row = text_to_sql.draw(rng)
        found = score(row["answer"], row)
        assert found.value == 1, (row["answer"], found.reason)


def test_ties_leave_the_order_open_only_where_they_are() -> None:
    expected = [("a", 1), ("b", 2)]
    assert same([(1, "a"), (2, "b")], expected, ordered=True)
    assert not same([(2, "b"), (1, "a")], expected, ordered=True)
    assert same([(2, "b"), (1, "a")], expected, ordered=False)
    assert not same([("a", 1)], expected, ordered=False)
    assert same([(1.0000000001,)], [(1,)], ordered=True)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("DROP TABLE books", "not authorized"),
        ("DELETE FROM books", "not authorized"),
        ("UPDATE books SET price = 0", "not authorized"),
        ("INSERT INTO books (id) VALUES (1) RETURNING id", "not authorized"),
        ("ATTACH DATABASE 'owned.db' AS x", "not authorized"),
        ("VACUUM INTO 'owned.db'", "authorization denied"),
        ("PRAGMA temp_store_directory = '/tmp'", "not authorized"),
        ("SELECT load_extension('evil')", "not authorized"),
        ("SELECT readfile('/etc/passwd')", "no such function"),
        ("SELECT 1; DROP TABLE books", "one statement"),
        ("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT MAX(i) FROM n", "too long"),
        (
            "SELECT COUNT(*) FROM books a, books b, books c, books d, books e, books f, books g, books h, books i, books j, books k",
            "too long",
        ),
        ("SELECT zeroblob(1000000000)", "too big"),
        ("SELECT printf('%1000000000d', 1)", "gives 1 rows"),
        ("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 90000) SELECT i FROM n", "more than"),
        ("SELECT * FROM nowhere", "no such table"),
        ("SELEC title", "syntax error"),
        ("BEGIN", "not authorized"),
        ("SELECT 1 -- \x00", "null character"),
        ("SELECT " + "(" * 5000 + "1" + ")" * 5000, "fails"),
        ("x" * 100_000, "too large"),
        ("-- nothing", "not a query"),
        ("", "no query"),
        (f"SELECT trim({LETTERS.format(40_000, 'b')}, {LETTERS.format(40_000, 'a')} || 'b')", "instead of"),
        (f"SELECT instr({LETTERS.format(999_999, 'a')}, {LETTERS.format(499_999, 'a')} || 'b')", "instead of"),
        (f"SELECT {LETTERS.format(2_900, 'a')} GLOB '*[' || {LETTERS.format(2_900, 'b')} || ']'", "too complex"),
        ("SELECT " + "trim(title, city), " * 900 + "1 FROM books, authors", "too many steps"),
        (
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 9000), "
            f"w(x) AS (SELECT {LETTERS.format(2_900, 'a')}) SELECT {'x, ' * 99} x FROM w, n",
            "gives too much",
        ),
        ("SELECT title FROM books WHERE title = '\ud800'", "surrogates not allowed"),
        (f"SELECT title FROM books WHERE title = '{'a' * 4_000}'", "too big"),
    ],
)
def test_a_hostile_query_costs_its_case_and_nothing_else(
    query: str, said: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    start = time.monotonic()
    found = score(query, case("SELECT title FROM books", ddl=DDL), seconds=0.2)
    assert found.value == 0
    assert said in found.reason
    assert time.monotonic() - start < 3
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01"])
def test_a_query_may_name_the_first_and_the_last_day(day: str) -> None:
    assert judged("SELECT title FROM books", f"SELECT title FROM books WHERE sold < '{day}' OR sold >= '{day}'") == 1
    assert (
        judged(f"SELECT title FROM books WHERE sold <= '{day}'", f"SELECT title FROM books WHERE '{day}' >= sold") == 1
    )
    assert judged("SELECT title FROM books", f"SELECT title FROM books WHERE sold < '{day}'") == 0


def test_many_calls_of_a_slow_function_cost_seconds_and_no_more() -> None:
    slow = f"{LETTERS.format(2_500, 'b')} || title AS a, {LETTERS.format(220, 'a')} || 'b' AS b"
    query = f"WITH w AS MATERIALIZED (SELECT {slow} FROM books) SELECT {'trim(w.a, w.b), ' * 400} 1 FROM w, books"
    start = time.monotonic()
    assert score(query, case("SELECT title FROM books", ddl=DDL), seconds=0.2).reason == "fails: it runs too long"
    assert time.monotonic() - start < 15


def test_a_schema_may_be_longer_than_what_a_query_may_be_or_make() -> None:
    wide = f"CREATE TABLE wide (-- {'x' * 30_000}\n{', '.join(f'c{n} TEXT' for n in range(400))})"
    box = Box(wide, {"wide": [["word"] * 400, ["other"] * 400]})
    assert box.run("SELECT * FROM wide WHERE c1 = 'word' ORDER BY c2", 5.0) == [("word",) * 400]


def test_a_case_without_a_schema_is_said_to_be_one() -> None:
    assert "no schema" in score("SELECT 1", case("SELECT 1")).reason
    assert "no schema that runs here" in score("SELECT 1", case("SELECT 1", ddl="CREATE TABEL x")).reason
    assert "expected query fails" in score("SELECT 1", case("SELECT nothing", ddl=DDL)).reason


def test_only_a_fence_around_all_of_it_is_taken_off() -> None:
    assert unfenced("```sql\nSELECT 1;\n```") == "SELECT 1;"
    assert unfenced("Here:\n```sql\nSELECT 1\n```").startswith("Here")


# --- names ------------------------------------------------------------------------------------------------------


def test_scorers_are_found_by_name_with_their_options() -> None:
    assert scorer({"kind": "exact_match", "ignore_case": True})("A", case("a")).value == 1
    assert modules({"kind": "json_equal"}) == ["expertbuild.evaluation.scorers.json_equal"]
    with pytest.raises(UnknownName, match='Did you mean "sql_execution"'):
        scorer({"kind": "sql_exection"})
    with pytest.raises(EvaluationMistake, match=r'no option "database".*databases'):
        scorer({"kind": "sql_execution", "database": 3})
