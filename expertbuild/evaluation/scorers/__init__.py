"""What decides whether an answer is right, by name. Each file provides `score(answer, row, **options) -> Score`, and may
provide `engine(**options) -> str`: which program judged here, as the evaluation will say; and `well_formed(answer) -> bool`:
whether an answer, right or wrong, is at least of the form that this scorer reads.

A score is between 0 and 1 and comes with a reason that a person can read. A scorer never raises for an answer,
however wild: what a model says is the case's result, not an error of the run.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from expertbuild.catalogue import Catalogue
from expertbuild.evaluation.errors import EvaluationMistake

SCORERS = Catalogue(
    "scorer",
    {
        kind: f"{__name__}.{kind}"
        for kind in (
            *("cypher_execution", "cypher_match", "exact_match", "json_equal", "sql_execution"),
            *("python_tests", "rust_check", "typescript_check"),
            *("bleu", "chrf", "json_schema", "postgres_execution", "sql_parse", "token_f1"),
        )
    },
)

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Score:
    value: float
    reason: str


Scorer = Callable[[str, Row], Score]


def scorer(spec: Mapping[str, Any]) -> Scorer:
    """The scorer of an evaluation's configuration, its options bound."""
    if "kind" not in spec:
        raise EvaluationMistake("the scorer has no kind.", where="evaluation.scorer")
    judge = SCORERS.load(spec["kind"]).score
    options = {key: value for key, value in spec.items() if key != "kind"}
    known = list(inspect.signature(judge).parameters)[2:]
    for key in options:
        if key not in known:
            raise EvaluationMistake(
                f'the scorer "{spec["kind"]}" has no option "{key}".',
                where=f"evaluation.scorer.{key}",
                hint=f"It has: {', '.join(known)}." if known else "It has none.",
            )
    return cast(Scorer, partial(judge, **options))


def engine(spec: Mapping[str, Any]) -> str | None:
    """What judges on this machine, where a scorer has a choice or leans on something outside: for the evaluation to say."""
    told = getattr(SCORERS.load(spec["kind"]), "engine", None)
    return str(told(**{key: value for key, value in spec.items() if key != "kind"})) if told else None


def form(spec: Mapping[str, Any]) -> Callable[[str], bool] | None:
    """Whether an answer can be read at all, by this scorer's own reader; None where it takes any text."""
    return cast(Callable[[str], bool] | None, getattr(SCORERS.load(spec["kind"]), "well_formed", None))


def modules(spec: Mapping[str, Any]) -> list[str]:
    """The module that this scorer runs: part of the key of a build."""
    return [SCORERS.module(spec.get("kind", ""))]
