"""Whether an answer is of the form its scorer reads, right or wrong."""

import time

import pytest

from expertbuild.evaluation.scorers import form

NEEDS = {"postgres_execution": "pglast", "sql_parse": "pglast", "cypher_execution": "ladybug"}
JSON = ('{"a": 1}', "[]"), ('{"a": 1,}', "", '```\n{"a": 1}\n```')
SQL = (
    (
        *("SELECT a FROM nowhere WHERE x = 1", "select 1;", "```sql\nSELECT a FROM b\n```", "SELECT foo(a) FROM b"),
        "-- cannot: b has no column a",
        "SELECT a FROM b;\n-- cannot: b has no column a",
    ),
    (
        "-- cannot:",
        "-- nothing",
        "SELECT a FROM\n-- cannot: b has no column a",
        "SELEC a FROM b",
        "SELECT a FROM",
        "SELECT 1; SELECT 2",
        "",
        "SELECT 'a",
        "Here it is: SELECT 1",
    ),
)
CYPHER = (
    (
        "MATCH (a:Nobody) RETURN a.name",
        "// cannot: Sofa has no weight",
        "MATCH (a:A) RETURN a.b\n// cannot: A has no b",
    ),
    ("", "MATCH (a § b) RETURN a", "MATCH (a § b) RETURN a\n// cannot: A has no b"),
)
FORMS = {
    "json_equal": JSON,
    "json_schema": JSON,
    "sql_execution": SQL,
    "sql_parse": SQL,
    "postgres_execution": SQL,
    "cypher_match": CYPHER,
    "cypher_execution": (CYPHER[0], (*CYPHER[1], "MATCH (a:Person RETURN a", "CREATE (a:Person)")),
    "python_tests": (("def f():\n    return 1", "# cannot: no table is named"), ("def f(:\n    return 1", "")),
    "rust_check": (("pub struct Sofa { pub price: f64 }", "// cannot: no"), ("pub struct Sofa { pub price }}", "")),
    "typescript_check": (("export type A = { b: number };", "// cannot: no"), ("export type A = { b: ;", "")),
}


@pytest.mark.parametrize("kind", FORMS)
def test_what_can_be_read_is_well_formed_though_it_may_be_wrong(kind: str) -> None:
    if kind in NEEDS:
        pytest.importorskip(NEEDS[kind])
    well_formed = form({"kind": kind})
    assert well_formed is not None
    good, bad = FORMS[kind]
    assert [answer for answer in good if not well_formed(answer)] == []
    assert [answer for answer in bad if well_formed(answer)] == []


@pytest.mark.parametrize(
    ("kind", "piece"), [("rust_check", 'r#"'), ("python_tests", "a = 1\n"), ("typescript_check", "let a;\n")]
)
def test_code_that_goes_on_and_on_is_not_read(kind: str, piece: str) -> None:
    well_formed = form({"kind": kind})
    assert well_formed is not None
    start = time.monotonic()
    assert not well_formed(piece * (48_000 // len(piece)))
    assert time.monotonic() - start < 5


def test_a_scorer_that_takes_any_text_has_no_form() -> None:
    assert form({"kind": "exact_match"}) is None


def test_reading_sql_changes_nothing(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    from pathlib import Path

    monkeypatch.chdir(str(tmp_path))
    well_formed = form({"kind": "sql_execution"})
    assert well_formed is not None
    for query in (
        "ATTACH DATABASE 'owned.db' AS x",
        "VACUUM INTO 'owned.db'",
        "SELECT " + "(" * 5000 + "1" + ")" * 5000,
    ):
        well_formed(query)
    assert not list(Path(str(tmp_path)).iterdir())
