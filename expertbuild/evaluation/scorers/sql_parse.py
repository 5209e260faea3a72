"""Right is one statement that PostgreSQL's own parser reads: a SELECT, unless `statements: any` lets others through.

It says nothing about tables or columns that are not there, nor about what was asked; `sql_execution` does. The parser
runs in a process of its own, ended and replaced when a query is too much for it.
"""

import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from expertbuild.evaluation.errors import EvaluationMistake
from expertbuild.evaluation.scorers import Score, postgres_parser
from expertbuild.evaluation.scorers.declined import above, declined, declines
from expertbuild.evaluation.scorers.line_worker import LineWorker, WorkerLost
from expertbuild.evaluation.scorers.sql_execution import unfenced

LONGEST = 100_000
KINDS = ("select", "any")
WORKER = LineWorker(
    "PostgreSQL's parser",
    lambda: [sys.executable, "-P", str(postgres_parser.__file__)],
    hint="pip install 'expertbuild[postgres]'",
)


def score(answer: str, row: Mapping[str, Any], statements: str = "select", seconds: float = 10.0) -> Score:
    if statements not in KINDS:
        raise EvaluationMistake(
            f'"{statements}" is no kind of statement.',
            where="evaluation.scorer.statements",
            hint=f"Known: {', '.join(KINDS)}.",
        )
    query = unfenced(answer)
    if not query:
        return Score(0.0, "no query")
    if (excused := declined(query, row["answer"])) is not None:
        return excused
    if len(query) > LONGEST:
        return Score(0.0, "it is too long")
    try:
        said = WORKER.ask({"sql": query}, seconds)
    except WorkerLost as error:
        return Score(0.0, str(error))
    if "failed" in said:
        return Score(0.0, f"does not parse: {said['failed']}")
    if len(said["statements"]) != 1:
        return Score(0.0, f"it is {len(said['statements'])} statements")
    [kind] = said["statements"]
    if statements == "select" and kind != "SelectStmt":
        return Score(0.0, f"it is no SELECT but a {kind.removesuffix('Stmt')}")
    return Score(1.0, "parses")


def well_formed(answer: str) -> bool:
    """Whether it is one statement of any kind."""
    query = unfenced(answer)
    return declines(query) or score(above(query), {"answer": ""}, statements="any").value == 1


def engine(**options: Any) -> str:
    try:
        return f"PostgreSQL's parser, pglast {version('pglast')}"
    except PackageNotFoundError:
        return "PostgreSQL's parser, pglast"
