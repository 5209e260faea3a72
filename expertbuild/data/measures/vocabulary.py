"""How many different words stand in a split, and what share of the test's words training never shows."""

import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from expertbuild.data.rows import Row, question
from expertbuild.data.transforms import Bench, Spec

HEADLINE = "test.unseen in training"
ABOUT = "share of the test's words that training never shows"

WORD = re.compile(r"[^\W\d_]+")


class Vocabulary:
    def __init__(self) -> None:
        self.words: dict[str, set[str]] = defaultdict(set)

    def add(self, split: str, row: Row) -> None:
        self.words[split].update(word.casefold() for word in WORD.findall(question(row) + " " + row["answer"]))

    def result(self) -> Mapping[str, Any]:
        known = self.words.get("train", set())
        return {
            split: {"words": len(words), "unseen in training": round(len(words - known) / max(1, len(words)), 4)}
            for split, words in self.words.items()
        }


def measure(bench: Bench, spec: Spec) -> Vocabulary:
    return Vocabulary()
