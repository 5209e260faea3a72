"""The judged answers of an evaluation, one a line, so that another's answers to the same cases can be put beside them.

They stay in the cache of whoever builds: no package carries them.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from expertbuild.evaluation.evaluate import Judged
from expertbuild.evaluation.scorers import Row

NAME = "answers.jsonl"


def write(path: Path, judged: Iterable[Judged]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for each in judged:
            kept = {"id": each.row["id"], "answer": each.output, "score": each.score, "reason": each.reason}
            file.write(json.dumps(kept, sort_keys=True) + "\n")


def read(path: Path, rows: Sequence[Row]) -> list[Judged]:
    """The answers to these rows, in their order."""
    with path.open(encoding="utf-8") as lines:
        kept = {each["id"]: each for each in map(json.loads, lines)}
    return [Judged(row, *(kept[row["id"]][field] for field in ("answer", "score", "reason"))) for row in rows]
