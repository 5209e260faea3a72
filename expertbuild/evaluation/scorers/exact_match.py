"""Right is what the row's answer says, letter for letter; blanks around it do not count."""

from collections.abc import Mapping
from typing import Any

from expertbuild.evaluation.scorers import Score


def score(answer: str, row: Mapping[str, Any], ignore_case: bool = False) -> Score:
    given, expected = answer.strip(), row["answer"].strip()
    if ignore_case:
        given, expected = given.casefold(), expected.casefold()
    return Score(1.0, "equal") if given == expected else Score(0.0, "differs from the expected answer")
