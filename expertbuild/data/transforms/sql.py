"""SQL from one dialect to another with sqlglot, and a check by PostgreSQL's own parser.

- {kind: sql, from: mysql, to: postgres}
- {kind: sql, from: sqlite, to: postgres, of: [answer, facts.ddl]}
- {kind: sql, to: postgres}                   # nothing is converted: only checked

Every part that `of` names (answer, when nothing is said) is converted; a row goes where sqlglot cannot read it, where
the other dialect cannot say it, or where the result is not SQL to the parser of PostgreSQL (pglast; `check: false`
leaves that out). Whether a query means the same afterwards no parser can say: run it, as the SQL scorer does.
"""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from expertbuild.data.errors import RecipeMistake
from expertbuild.data.parts import check_part, part, with_part
from expertbuild.data.rows import Row
from expertbuild.data.transforms import Bench, Look, Spec

OPTIONS = ("from", "to", "of", "check")
DIALECTS = ("bigquery", "clickhouse", "databricks", "duckdb", "mysql", "oracle", "postgres", "redshift", "snowflake", "spark", "sqlite", "trino", "tsql")  # fmt: skip
LONGEST = 100_000  # characters: both parsers are recursive, and nobody's query is longer
DEEPEST = 200  # open brackets, for the same reason


def check(spec: Spec, directory: Path) -> None:
    for option in ("from", "to"):
        if option in spec and spec[option] not in DIALECTS:
            raise RecipeMistake(
                f'"{spec[option]}" is no dialect known here.', where=option, hint=f"Known: {', '.join(DIALECTS)}."
            )
    if "to" not in spec:
        raise RecipeMistake("the transform sql needs `to`, a dialect.", hint=f"Known: {', '.join(DIALECTS)}.")
    if not isinstance(spec.get("check", True), bool):
        raise RecipeMistake("`check` must be true or false.", where="check")
    if "from" not in spec and not _checks(spec):
        raise RecipeMistake("there is nothing to do: neither `from` nor a check by PostgreSQL is asked for.")
    for name in _parts(spec):
        check_part(name, "of")
    for package, needed in (("sqlglot", "from" in spec), ("pglast", _checks(spec))):
        if needed and find_spec(package) is None:
            raise RecipeMistake(f"the transform sql needs {package}.", hint="pip install 'expertbuild[data]'")


def look(spec: Spec, bench: Bench) -> Look:
    steps: list[Callable[[str], tuple[str, str]]] = []
    if "from" in spec:
        steps.append(_converter(spec["from"], spec["to"]))
    if _checks(spec):
        steps.append(_postgres)

    def judge(row: Row) -> Row | str:
        made = row
        for name in _parts(spec):
            text = part(row, name)
            if not isinstance(text, str):
                return f"there is no text in {name}"
            if len(text) > LONGEST or _depth(text) > DEEPEST:
                return "SQL too long or nested too deeply to be read"
            for step in steps:
                text, fault = step(text)
                if fault:
                    return fault
            if text != part(made, name):
                made = with_part(made, name, text)
        return made

    return judge


def _parts(spec: Spec) -> list[str]:
    of = spec.get("of", "answer")
    return [of] if isinstance(of, str) else list(of)


def _checks(spec: Spec) -> bool:
    return spec.get("to") == "postgres" and bool(spec.get("check", True))


def _depth(text: str) -> int:
    depth = most = 0
    for letter in text:
        depth += (letter in "([") - (letter in ")]")
        most = max(most, depth)
    return most


def _converter(read: str, write: str) -> Callable[[str], tuple[str, str]]:
    import logging

    import sqlglot
    from sqlglot.errors import ErrorLevel, SqlglotError, UnsupportedError

    logging.getLogger("sqlglot").setLevel(logging.CRITICAL)  # what it would warn of, it raises

    def convert(text: str) -> tuple[str, str]:
        try:
            made = sqlglot.transpile(text, read=read, write=write, unsupported_level=ErrorLevel.RAISE)
        except UnsupportedError:
            return "", f"cannot be said in {write}"
        except (SqlglotError, RecursionError, ValueError):  # ValueError: numbers and escapes that are none
            return "", f"is not SQL to sqlglot, read as {read}"
        kept = [statement for statement in made if statement]
        if not kept:
            return "", f"is not SQL to sqlglot, read as {read}"
        return ";\n".join(kept) + (";" if len(kept) > 1 or text.rstrip().endswith(";") else ""), ""

    return convert


def _postgres(text: str) -> tuple[str, str]:
    import pglast

    if "\0" in text:  # where the parser, which is C, would take the text to end
        return "", "is not SQL to PostgreSQL's parser"
    try:
        statements: Any = pglast.parse_sql(text)
    except (pglast.parser.ParseError, ValueError):  # ValueError: text that is no Unicode
        return "", "is not SQL to PostgreSQL's parser"
    return (text, "") if statements else ("", "is not SQL to PostgreSQL's parser")
