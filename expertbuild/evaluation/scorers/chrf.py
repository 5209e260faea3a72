"""chrF of one answer against the expected one, between 0 and 1: runs of up to six letters that both have.

Kinder than BLEU to other endings of the same words, and to languages that have many.
"""

from collections.abc import Mapping
from typing import Any

from expertbuild.evaluation.scorers import Score, overlap


def score(answer: str, row: Mapping[str, Any]) -> Score:
    given, expected = answer[: overlap.LONGEST], str(row["answer"])[: overlap.LONGEST]
    value = min(1.0, overlap.sacrebleu().sentence_chrf(given, [expected]).score / 100)
    return Score(value, f"chrF {100 * value:.1f}")


def engine() -> str:
    return overlap.told()
