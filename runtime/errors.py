"""The root of every error a person is meant to read.

An error is made where its cause is known and printed once, at the edge: what, where, what to do.
Each floor derives its own classes from these two; nothing else is shared.
"""


class Problem(Exception):
    """Something failed. One plain sentence; `where` names the place, `hint` the next step."""

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        advice = f" {self.hint}" if self.hint else ""
        return f"{place}{self.what}{advice}"


class Mistake(Problem):
    """The user's to mend: a wrong key, a missing file, an unknown name."""

    exit_code = 2
