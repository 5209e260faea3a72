"""Cases that have no answer: what is expected is a comment that says so and why, and nothing else is right.

    -- cannot: orders has no column weight

The words of the comment are compared, blanks and capitals do not count. Each language has its own mark.
"""

from expertbuild.evaluation.scorers import Score

MARKS = ("# cannot:", "// cannot:", "-- cannot:")


def declines(answer: str) -> bool:
    """Whether an answer has the form of one that says it cannot: a line with the mark and a reason."""
    text = answer.strip()
    return any(text.startswith(mark) and text != mark and "\n" not in text for mark in MARKS)


def declined(answer: str, expected: str) -> Score | None:
    """The score where the expected answer says that there is none; None where there is one."""
    if not expected.strip().startswith(MARKS):
        return None
    same = answer.casefold().split() == expected.casefold().split()
    return Score(1.0, "says that it cannot") if same else Score(0.0, "does not say that it cannot, or why")
