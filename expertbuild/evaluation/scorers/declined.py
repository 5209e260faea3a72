"""Cases that have no answer: what is expected says so and why, in a comment at its end, and nothing else is right.

    SELECT weight FROM orders;
    -- cannot: orders has no column weight

The words of the comment are compared, blanks and capitals do not count; what stands above it would not run, and is not
looked at. Each language has its own mark. An answer that says so where there is one is wrong.
"""

from expertbuild.evaluation.scorers import Score

MARKS = ("# cannot:", "// cannot:", "-- cannot:")


def declined(answer: str, expected: str) -> Score | None:
    """The score where one of the two says that there is no answer; None where neither does."""
    wanted, said = verdict(expected), verdict(answer)
    if not wanted and not said:
        return None
    if not wanted:
        return Score(0.0, f"says that it cannot: {said.partition(': ')[2]}"[:200])
    same = said.casefold().split() == wanted.casefold().split()
    return Score(1.0, "says that it cannot") if same else Score(0.0, "does not say that it cannot, or why")


def declines(answer: str) -> bool:
    """Whether an answer is nothing but the comment that says it cannot."""
    return bool(verdict(answer)) and not above(answer)


def verdict(answer: str) -> str:
    """The last line of an answer if it says that it cannot, and why."""
    line = answer.strip().rpartition("\n")[2].strip()
    return line if any(line.startswith(mark) and line != mark for mark in MARKS) else ""


def above(answer: str) -> str:
    """An answer without that line."""
    return answer.strip().rpartition("\n")[0] if verdict(answer) else answer
