"""Every case with what base and expert said to it: for whoever looks closer. It stays with the builder and never travels.

The evaluation document, which does travel, holds figures and a few failures.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from expertbuild.evaluation.evaluate import Judged
    from expertbuild.evaluation.scorers import Row

NAME = "transcript.jsonl"


def transcript(base: "Iterable[Judged]", expert: "Iterable[Judged]") -> Iterator[dict[str, Any]]:
    """Cases as they were asked, in that order."""
    for before, after in zip(base, expert, strict=True):
        row = after.row
        yield {
            "id": row["id"],
            "stratum": row["stratum"],
            "part": row.get("part"),
            "asked": row["messages"][-1]["content"],
            "expected": row["answer"],
            "base": _said(before),
            "expert": _said(after),
        }


def read(folder: Path) -> list[dict[str, Any]]:
    with (folder / NAME).open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def answers(folder: Path, rows: "Sequence[Row]") -> "list[Judged]":
    """What the expert said to these rows, in their order."""
    from expertbuild.evaluation.evaluate import Judged

    said = {case["id"]: case["expert"] for case in read(folder)}
    return [Judged(row, *(said[row["id"]][field] for field in ("answered", "score", "reason"))) for row in rows]


def examples(cases: Sequence[dict[str, Any]], most: int) -> dict[str, list[dict[str, Any]]]:
    """Good and bad answers of the expert to look at, of as many kinds as there are.

    Good is what scores as well as the expert does on average, bad what does not; a full score is never bad.
    """
    scored = [(case["expert"]["score"], case) for case in cases]
    mean = sum(score for score, _ in scored) / max(len(scored), 1)

    def is_good(score: float) -> bool:
        return score >= 1 or 0 < score >= mean

    good = sorted(((-score, number) for number, (score, _) in enumerate(scored) if is_good(score)))
    bad = sorted(((score, number) for number, (score, _) in enumerate(scored) if not is_good(score)))
    return {
        name: _spread([cases[number] for _, number in ranked], most) for name, ranked in (("good", good), ("bad", bad))
    }


def _spread(cases: Sequence[dict[str, Any]], most: int) -> list[dict[str, Any]]:
    """The first ones, the strata taking turns."""
    turns: dict[str, int] = {}
    ranked = []
    for number, case in enumerate(cases):
        turn = turns[case["stratum"]] = turns.get(case["stratum"], 0) + 1
        ranked.append((turn, number, case))
    return [case for _, _, case in sorted(ranked, key=lambda entry: entry[:2])[:most]]


def _said(judged: "Judged") -> dict[str, Any]:
    return {"answered": judged.output, "score": judged.score, "reason": judged.reason}
