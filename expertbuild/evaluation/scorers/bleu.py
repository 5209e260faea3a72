"""BLEU of one answer against the expected one, between 0 and 1: runs of one to four words that both have.

Counted by sacrebleu with its smoothing for single sentences; it is harsh on short answers, for which token_f1 is better.
"""

from collections.abc import Mapping
from typing import Any

from expertbuild.evaluation.scorers import Score, overlap


def score(answer: str, row: Mapping[str, Any]) -> Score:
    given, expected = answer[: overlap.LONGEST], str(row["answer"])[: overlap.LONGEST]
    found = overlap.sacrebleu().sentence_bleu(given, [expected], use_effective_order=True)
    value = min(1.0, found.score / 100)
    return Score(value, f"BLEU {100 * value:.1f}")


def engine() -> str:
    return overlap.told()
