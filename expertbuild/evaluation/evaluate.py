"""Ask the cases, judge the answers, and put base and expert side by side in one document.

Who answers is a function: the build passes the runtime's engine, so that what is measured is what will be served.
The document follows schemas/evaluation.schema.json and travels in the package.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from expertbuild.data.encoding import Message, prompt_messages
from expertbuild.evaluation.errors import EvaluationMistake
from expertbuild.evaluation.interval import difference, mean
from expertbuild.evaluation.scorers import Row, engine, scorer

FORMAT = "evaluation/1"
Generate = Callable[[list[list[Message]]], list[str]]
Report = Callable[..., None]

BATCH = 32  # cases asked at once: enough to fill an engine, few enough to show progress
SHOWN_PER_STRATUM = 3  # failures kept as readable cases
LONGEST_SHOWN = 2000


@dataclass(frozen=True)
class Judged:
    """One case with what was answered and what that is worth."""

    row: Row
    output: str
    score: float
    reason: str


def evaluate(
    rows: Sequence[Row],
    generate: Generate,
    scoring: Mapping[str, Any],
    *,
    system: str | None = None,
    report: Report = lambda **_: None,
    label: str = "",
) -> list[Judged]:
    """Answer and judge every row. `scoring` is the `evaluation.scorer` of a configuration."""
    if not rows:
        raise EvaluationMistake("there is no case to evaluate on.", hint="Look at `split.test` of the dataset.")
    judge = scorer(scoring)
    judged: list[Judged] = []
    for start in range(0, len(rows), BATCH):
        part = rows[start : start + BATCH]
        outputs = generate([prompt_messages(row, system) for row in part])
        for row, output in zip(part, outputs, strict=True):
            score = judge(output, row)
            judged.append(Judged(row, output, score.value, score.reason))
        right = sum(each.score for each in judged)
        report(step=len(judged), total=len(rows), message=f"{label} {right:g} of {len(judged)} right".strip())
    return judged


def document(
    base: Sequence[Judged],
    expert: Sequence[Judged],
    *,
    scoring: Mapping[str, Any],
    decoding: Mapping[str, Any],
    grammar: bool,
    confidence: float = 0.95,
) -> dict[str, Any]:
    """The evaluation as a document: overall, by stratum and by part, with failures to read."""
    if [each.row["id"] for each in base] != [each.row["id"] for each in expert]:
        raise EvaluationMistake("base and expert were not asked the same cases.")
    pairs = list(zip(base, expert, strict=True))

    def compared(chosen: Sequence[tuple[Judged, Judged]]) -> dict[str, Any]:
        before, after = [old.score for old, _ in chosen], [new.score for _, new in chosen]
        return {
            "n": len(chosen),
            "base": mean(before, confidence).document(),
            "expert": mean(after, confidence).document(),
            "difference": difference(after, before, confidence).document(),
            "changed": {
                "better": sum(1 for old, new in chosen if new.score > old.score),
                "worse": sum(1 for old, new in chosen if new.score < old.score),
            },
        }

    def by(key: str) -> dict[str, Any]:
        found: dict[str, list[tuple[Judged, Judged]]] = defaultdict(list)
        for pair in pairs:
            if pair[0].row.get(key):
                found[pair[0].row[key]].append(pair)
        return {name: compared(found[name]) for name in sorted(found)}

    judge = engine(scoring)
    return {
        "format": FORMAT,
        "scorer": dict(scoring),
        **({"engine": judge} if judge else {}),
        "decoding": dict(decoding),
        "grammar": grammar,
        "confidence": confidence,
        "overall": compared(pairs),
        "strata": by("stratum"),
        "parts": by("part"),
        "failures": _failures(expert),
    }


def _failures(judged: Sequence[Judged]) -> list[dict[str, Any]]:
    """Some wrong answers of each stratum, readable."""
    shown: dict[str, int] = defaultdict(int)
    found = []
    for each in judged:
        stratum = each.row["stratum"]
        if each.score >= 1 or shown[stratum] >= SHOWN_PER_STRATUM:
            continue
        shown[stratum] += 1
        found.append(
            {
                "id": each.row["id"],
                "stratum": stratum,
                "asked": _short(each.row["messages"][-1]["content"]),
                "expected": _short(each.row["answer"]),
                "answered": _short(each.output),
                "score": each.score,
                "reason": each.reason,
            }
        )
    return found


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"
