"""How often runs of words repeat themselves: the share of different ones among all, for one to four words.

The figure falls as rows are added, since words run out; so it is taken of the first `rows` rows of a split (2,000 when
nothing is said) and can be compared between datasets of any size.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from expertbuild.data.difficulty import READ, WORD
from expertbuild.data.rows import Row
from expertbuild.data.transforms import Bench, Spec

HEADLINE = "train.question.3"
ABOUT = "share of different runs of three words among the questions to train on"
LENGTHS = (1, 2, 3, 4)


class Ngrams:
    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.seen: dict[str, int] = defaultdict(int)
        self.runs: dict[tuple[str, str, int], set[int]] = defaultdict(set)
        self.total: dict[tuple[str, str, int], int] = defaultdict(int)

    def add(self, split: str, row: Row) -> None:
        self.seen[split] += 1
        if self.seen[split] > self.rows:
            return
        for side, text in (("question", row["messages"][-1]["content"]), ("answer", row["answer"])):
            words = WORD.findall(text[:READ].casefold())
            for length in LENGTHS:
                runs = [hash(run) for run in zip(*(words[start:] for start in range(length)), strict=False)]
                self.runs[split, side, length].update(runs)
                self.total[split, side, length] += len(runs)

    def result(self) -> Mapping[str, Any]:
        made: dict[str, Any] = {}
        for (split, side, length), total in self.total.items():
            place = made.setdefault(split, {"rows": min(self.rows, self.seen[split])}).setdefault(side, {})
            place[str(length)] = round(len(self.runs[split, side, length]) / max(1, total), 4)
        return made


def measure(bench: Bench, spec: Spec) -> Ngrams:
    return Ngrams(spec.get("rows", 2000))
