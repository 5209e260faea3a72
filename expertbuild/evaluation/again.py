"""An installed expert evaluated once more, here: what its builder measured, and what comes out on this machine.

The expert is loaded as the server loads it, with every check up to the canary, on a base with the digest it was built
for, and asked with the decoding and grammar of its manifest. Scorer and cases are those that the builder names. That
the two agree says that the builder's figure can be had again; it does not say that the cases were held out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from expertbuild.evaluation.answering import generator
from expertbuild.evaluation.errors import EvaluationMistake
from expertbuild.evaluation.evaluate import Report, document, evaluate
from expertbuild.evaluation.scorers import Row
from runtime.artifact.schema import check
from runtime.artifact.statement import Statement, read_statement
from runtime.artifact.strict_json import read
from runtime.errors import Problem
from runtime.registry.installed import Installed
from runtime.service.bases import Base

_ROUNDED = 1e-6  # figures in documents have six digits


class NotSoClaimed(Problem):
    """The parts of a package say different things about its evaluation."""


@dataclass(frozen=True)
class Claim:
    """What the builder says an expert scored on one base: `overall` of the evaluation document, and how it was scored."""

    variant: str
    overall: Mapping[str, Any]
    confidence: float
    scorer: Mapping[str, Any]
    cases: str | None  # SHA-256 of the file of test cases
    dataset: str | None  # digest of the whole dataset

    @property
    def n(self) -> int:
        return int(self.overall["n"])


@dataclass(frozen=True)
class Rerun:
    """The same figures, made here."""

    overall: Mapping[str, Any]
    faults: tuple[str, ...]


def claim(installed: Installed, variant: str) -> Claim:
    """What the statement and the evaluation document say, in agreement with each other."""
    statement = read_statement(bytes(installed.open("statement.json")))
    name = f"variants/{variant}/evaluation.json"
    report = read(bytes(installed.open(name)), name)
    check(report, "evaluation", name)
    said, overall = statement.provenance.evaluation.get(variant), report["overall"]
    if said is None:
        raise NotSoClaimed(f"The statement says nothing of an evaluation on {variant}.", where=installed.reference)
    for field, found in (("n", overall["n"]), *((who, overall[who]["value"]) for who in ("expert", "base"))):
        if abs(said[field] - found) > _ROUNDED:
            raise NotSoClaimed(
                f"The statement says {field} = {said[field]}, its evaluation {found}.", where=installed.reference
            )
    return Claim(variant, overall, report["confidence"], report["scorer"], *_digests(statement, variant))


def _digests(statement: Statement, variant: str) -> tuple[str | None, str | None]:
    step = f"dataset[{statement.name},{variant}]"
    datasets = statement.provenance.datasets
    return datasets.get(f"{step}/test.jsonl"), datasets.get(step)


def spread(rows: Sequence[Row], claimed: Claim, cases: int | None) -> list[Row]:
    """The builder's cases, or so many of them, taken evenly."""
    if len(rows) < claimed.n:
        raise NotSoClaimed(f"The builder says {claimed.n} cases; the file has {len(rows)}.")
    asked = rows[: claimed.n]
    wanted = min(cases or claimed.n, claimed.n)
    return [asked[number * claimed.n // wanted] for number in range(wanted)]


def again(
    installed: Installed, claimed: Claim, base: Base, rows: Sequence[Row], report: Report = lambda **_: None
) -> Rerun:
    """Ask and judge on this machine."""
    from runtime.engine.engine import Engine
    from runtime.service.driver import Driver
    from runtime.service.loading import load

    if not rows:
        raise EvaluationMistake("there is no case to evaluate on.")
    engine = Engine.load(base.directory)
    base.expect(engine.base_digest, engine.tokenizer_digest)
    driver = Driver(engine, most=1)
    try:
        ready = load(installed, driver, base.name, unsigned=True)
        decoding = asdict(ready.decoding)
        grammar = bytes(installed.open("grammar.gbnf")).decode("utf-8") if decoding["grammar"] else None
        judged = {
            who: evaluate(
                rows,
                generator(engine, adapter, decoding, grammar),
                claimed.scorer,
                system=decoding["system"] or None,
                report=report,
                label=who,
            )
            for who, adapter in (("base", None), ("expert", ready.adapter))
        }
    finally:
        driver.close()
    made = document(
        judged["base"],
        judged["expert"],
        scoring=claimed.scorer,
        decoding=decoding,
        grammar=grammar is not None,
        confidence=claimed.confidence,
    )["overall"]
    return Rerun(made, tuple(_disagreements(claimed, made)))


def _disagreements(claimed: Claim, made: Mapping[str, Any]) -> list[str]:
    """The builder's figure must lie in the interval of the one made here."""
    faults = []
    for who in ("expert", "base"):
        said, (low, high) = claimed.overall[who]["value"], made[who]["interval"]
        if not low - _ROUNDED <= said <= high + _ROUNDED:
            faults.append(
                f"The builder measured {said:.3g} for the {who}; here it is {made[who]['value']:.3g}, "
                f"{low:.3g} to {high:.3g} with {claimed.confidence:.0%} confidence, n = {made['n']}."
            )
    return faults
