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
from expertbuild.evaluation.scorers import Row, Score, engine, form, scorer

FORMAT = "evaluation/1"
Generate = Callable[[list[list[Message]]], list[str]]
Report = Callable[..., None]

BATCH = 32  # cases asked at once: enough to fill an engine, few enough to show progress
SHOWN_PER_STRATUM = 3  # failures kept as readable cases
MOST_WORSE = 5  # cases that got worse, kept to be read
LONGEST_SHOWN = 2000


@dataclass(frozen=True)
class Judged:
    """One case with what was answered and what that is worth."""

    row: Row
    output: str
    score: float
    reason: str
    formed: bool | None = None  # whether it is of the scorer's form; None where that has none


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
    judge, formed = scorer(scoring), form(scoring)
    judged: list[Judged] = []
    for start in range(0, len(rows), BATCH):
        part = rows[start : start + BATCH]
        outputs = generate([prompt_messages(row, system) for row in part])
        for row, output in zip(part, outputs, strict=True):
            score, well = _judged(judge, formed, output, row)
            judged.append(Judged(row, _readable(output), score.value, _readable(score.reason), well))
        right = sum(each.score for each in judged)
        report(step=len(judged), total=len(rows), message=f"{label} {right:g} of {len(judged)} right".strip())
    return judged


def _judged(
    judge: Callable[[str, Row], Score], formed: Callable[[str], bool] | None, output: str, row: Row
) -> tuple[Score, bool | None]:
    """What an answer is worth, and whether it has the form. Should a scorer not stand one, that case fails and no other."""
    try:
        return judge(output, row), formed(output) if formed else None
    except EvaluationMistake:
        raise
    except Exception as error:
        return Score(0.0, f"the scorer gives up: {type(error).__name__}: {error}"[:300]), False if formed else None


def _readable(text: str) -> str:
    """Without halves of letters, which an escape may spell and no file can hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


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
    pairs = paired(base, expert)

    def by(key: str) -> dict[str, Any]:
        found: dict[str, list[Pair]] = defaultdict(list)
        for pair in pairs:
            if pair[0].row.get(key):
                found[pair[0].row[key]].append(pair)
        return {name: compared(found[name], "base", confidence) for name in sorted(found)}

    judge = engine(scoring)
    return {
        "format": FORMAT,
        "scorer": dict(scoring),
        **({"engine": judge} if judge else {}),
        "decoding": dict(decoding),
        "grammar": grammar,
        "confidence": confidence,
        "overall": compared(pairs, "base", confidence),
        "strata": by("stratum"),
        "parts": by("part"),
        "failures": _failures(expert),
        "worse": worse(pairs),
        **_formed(base, expert, confidence),
    }


Pair = tuple[Judged, Judged]


def paired(before: Sequence[Judged], after: Sequence[Judged]) -> list[Pair]:
    """The same cases, answered by two."""
    if [each.row["id"] for each in before] != [each.row["id"] for each in after]:
        raise EvaluationMistake("the two were not asked the same cases.")
    return list(zip(before, after, strict=True))


def compared(pairs: Sequence[Pair], other: str, confidence: float) -> dict[str, Any]:
    """The expert's figures beside those of the `other`, which answered before, and their difference case by case."""
    before, after = [old.score for old, _ in pairs], [new.score for _, new in pairs]
    return {
        "n": len(pairs),
        other: mean(before, confidence).document(),
        "expert": mean(after, confidence).document(),
        "difference": difference(after, before, confidence).document(),
        "changed": {
            "better": sum(1 for old, new in pairs if new.score > old.score),
            "worse": sum(1 for old, new in pairs if new.score < old.score),
        },
    }


def worse(pairs: Sequence[Pair]) -> list[dict[str, Any]]:
    """Some cases that the expert answers worse than was done before, readable."""
    found = [(old, new) for old, new in pairs if new.score < old.score]
    return [{**_case(new), "before": _short(old.output)} for old, new in found[:MOST_WORSE]]


def _formed(base: Sequence[Judged], expert: Sequence[Judged], confidence: float) -> dict[str, Any]:
    """How many answers are of the scorer's form; nothing where it has none."""
    who = {"base": base, "expert": expert}
    if any(each.formed is None for judged in who.values() for each in judged):
        return {}
    shares = {name: mean([float(each.formed or 0) for each in judged], confidence) for name, judged in who.items()}
    broken = [_case(each) for each in expert if not each.formed]
    return {"well_formed": {**{name: each.document() for name, each in shares.items()}, "broken": broken[:MOST_WORSE]}}


def _failures(judged: Sequence[Judged]) -> list[dict[str, Any]]:
    """Some wrong answers of each stratum, readable."""
    shown: dict[str, int] = defaultdict(int)
    found = []
    for each in judged:
        stratum = each.row["stratum"]
        if each.score >= 1 or shown[stratum] >= SHOWN_PER_STRATUM:
            continue
        shown[stratum] += 1
        found.append(_case(each))
    return found


def _case(each: Judged) -> dict[str, Any]:
    return {
        "id": each.row["id"],
        "stratum": each.row["stratum"],
        "asked": _short(each.row["messages"][-1]["content"]),
        "expected": _short(each.row["answer"]),
        "answered": _short(each.output),
        "score": each.score,
        "reason": each.reason,
    }


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"
