"""Bounds on measures: a recipe that says `measures.diversity.min: 0.4` gets no dataset that is below.

A bound speaks of a measure's headline figure, or of the one that `of` names by its path in the result:

    measures:
      near_duplicates: {max: 0.02}
      tokens: {of: train.prompt.longest, max: 400}
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from expertbuild.data.errors import DataProblem, RecipeMistake
from expertbuild.data.measures import MEASURES, measure
from runtime.artifact.shown import shown

BOUNDS = ("min", "max")


@dataclass(frozen=True)
class Gate:
    """One bound on one figure."""

    measure: str
    bound: str  # min or max
    value: float
    of: str | None  # path of the figure in the measure's result; None: its headline

    @property
    def where(self) -> str:
        return f"measures.{self.measure}.{self.bound}"


def read_gates(measures: Mapping[str, Any] | None) -> tuple[Gate, ...]:
    """The bounds that a recipe sets; an error for one that is no number."""
    found = []
    for kind, spec in (measures or {}).items():
        MEASURES.module(kind)
        if not isinstance(spec or {}, Mapping):
            raise RecipeMistake("a measure has options by name.", where=f"measures.{kind}")
        for bound in BOUNDS:
            if bound in (spec or {}):
                value = spec[bound]
                if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                    raise RecipeMistake(f"{value!r} is no number.", where=f"measures.{kind}.{bound}")
                found.append(Gate(kind, bound, float(value), spec.get("of")))
    return tuple(found)


def figure(gate: Gate, results: Mapping[str, Any]) -> float:
    """The figure that a gate speaks of; an error that lists what there is where it is not there."""
    path = gate.of or measure(gate.measure).HEADLINE
    here: Any = results.get(gate.measure)
    for step in path.split("."):
        there = here
        here = there.get(step) if isinstance(there, Mapping) else None
        if here is None:
            known = ", ".join(map(str, there)) if isinstance(there, Mapping) else "nothing"
            raise DataProblem(
                f"the measure {gate.measure} has no figure {path}.",
                where=gate.where,
                hint=f'In place of "{step}" there is: {shown(known, 200)}.',
            )
    if isinstance(here, bool) or not isinstance(here, int | float):
        raise DataProblem(f"{path} of the measure {gate.measure} is no single figure.", where=gate.where)
    return float(here)


def judged(gates: tuple[Gate, ...], results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every bound with its figure, and whether it holds."""
    made = []
    for gate in gates:
        value = figure(gate, results)
        holds = value >= gate.value if gate.bound == "min" else value <= gate.value
        made.append(
            {
                "measure": gate.measure,
                "of": gate.of or measure(gate.measure).HEADLINE,
                "bound": gate.bound,
                "value": gate.value,
                "found": value,
                "holds": holds,
                "where": gate.where,
            }
        )
    return made


def enforce(judgements: list[dict[str, Any]]) -> None:
    """Refuse a dataset that does not keep its bounds: all that are broken, the first with its place."""
    broken = [each for each in judgements if not each["holds"]]
    if broken:
        first, *others = [sentence(each) for each in broken]
        raise DataProblem(
            first,
            where=broken[0]["where"],
            hint=" ".join([*others, "The dataset's report shows why; change the data or the bound."]),
        )


def sentence(judgement: Mapping[str, Any]) -> str:
    """`diversity (train.distance) is 0.31, which is below the min of 0.4.`"""
    beyond = "below the min" if judgement["bound"] == "min" else "above the max"
    found, value = (f"{judgement[name]:.6g}" for name in ("found", "value"))
    return f"the measure {judgement['measure']} ({judgement['of']}) is {found}, which is {beyond} of {value}."
