"""How many words an answer and the expected one share: the harmonic mean of precision and recall, between 0 and 1.

Words are compared in small letters, without marks, each as often as it comes up; their order does not count. For long
answers of which two right ones may differ.
"""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from expertbuild.evaluation.scorers import Score

_WORD = re.compile(r"\w+")
LONGEST = 200_000  # letters of an answer that are read


def score(answer: str, row: Mapping[str, Any]) -> Score:
    given, expected = _words(answer), _words(str(row["answer"]))
    shared = sum((given & expected).values())
    if not given and not expected:
        return Score(1.0, "both have no words")
    if not shared:
        return Score(0.0, "no word is shared")
    value = 2 * shared / (given.total() + expected.total())
    return Score(value, f"{shared} words shared, of {given.total()} given and {expected.total()} expected")


def _words(text: str) -> Counter[str]:
    return Counter(_WORD.findall(text[:LONGEST].casefold()))
