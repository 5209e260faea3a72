"""What rows say of the expert that learns from them: how its answers are judged, how long they are, what they may be.

Few answers that come again and again are classes: the expert gets a grammar that lets nothing else pass.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from expertbuild.data.rows import Row, question

MOST_CLASSES, LONGEST_CLASS = 40, 60
LONG_ANSWER = 12  # words: from here on, two right answers may differ in some
LONGEST, SHORTEST = 1024, 16  # tokens of an answer


@dataclass(frozen=True)
class Guess:
    """Settings of a new expert, with the reason for the scorer."""

    scorer: str
    why: str
    max_tokens: int
    classes: tuple[str, ...]
    test: int
    validation: int
    long_rows: int  # that will not fit into what training reads


def guess(rows: Sequence[Row]) -> Guess:
    answers = [row["answer"] for row in rows]
    classes = _classes(answers)
    scorer, why = _scorer(answers, classes)
    longest = max(len(answer.encode()) for answer in answers) + 8  # a token is a byte at least
    return Guess(
        scorer=scorer,
        why=why,
        max_tokens=max(SHORTEST, min(LONGEST, -(-longest // 16) * 16)),
        classes=classes,
        test=min(300, max(5, len(rows) // 10)),
        validation=min(200, max(2, len(rows) // 20)),
        long_rows=sum(len(question(row)) + len(row["answer"]) > 1500 for row in rows),
    )


def _classes(answers: Sequence[str]) -> tuple[str, ...]:
    kinds = sorted(set(answers))
    plain = all(0 < len(kind) <= LONGEST_CLASS and kind.isprintable() and kind == kind.strip() for kind in kinds)
    return tuple(kinds) if plain and 1 < len(kinds) <= MOST_CLASSES and len(answers) >= 5 * len(kinds) else ()


def _scorer(answers: Sequence[str], classes: Sequence[str]) -> tuple[str, str]:
    if classes:
        return "exact_match", f"{len(classes)} answers come again and again"
    if all(map(_is_json, answers)):
        return "json_equal", "every answer is a JSON object or list"
    if sum(len(answer.split()) for answer in answers) / len(answers) > LONG_ANSWER:
        return "token_f1", "answers are long, and two right ones may differ"
    return "exact_match", "answers are short"


def _is_json(answer: str) -> bool:
    try:
        return isinstance(json.loads(answer), dict | list)
    except (ValueError, RecursionError):
        return False
