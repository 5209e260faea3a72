"""The check that nothing asked in a test was seen in training: no group on both sides, and no question.

A build with a leak stops and shows the rows. Questions are compared without case and blanks.
"""

from hashlib import blake2b
from typing import Any

from expertbuild.data.errors import DataProblem
from expertbuild.data.rows import Row, bare_question

SHOWN = 3


class LeakCheck:
    """Fed with every row, split by split, training first."""

    def __init__(self) -> None:
        self.seen: dict[bytes, str] = {}
        self.leaks: list[str] = []
        self.rows = 0

    def add(self, split: str, row: Row) -> None:
        self.rows += 1
        for what, value in (("group", row["group"]), ("question", bare_question(row))):
            key = blake2b(f"{what}:{value}".encode(), digest_size=12).digest()
            first = self.seen.setdefault(key, split)
            if first != split and len(self.leaks) <= SHOWN:
                self.leaks.append(f"{row['id']} ({split}, its {what} is in {first} too): {_short(row)}")

    def result(self) -> dict[str, Any]:
        """What was checked; an error if anything leaks."""
        if self.leaks:
            shown = "; ".join(self.leaks[:SHOWN])
            raise DataProblem(
                f"rows leak between splits: {shown}{' and more' if len(self.leaks) > SHOWN else ''}.",
                hint="Add the transforms dedup_exact and decontaminate, or split by group.",
            )
        return {"checked": ["group", "question"], "rows": self.rows, "found": 0}


def _short(row: Row) -> str:
    text = " ".join(row["messages"][-1]["content"].split())
    return text if len(text) <= 80 else text[:79] + "…"
