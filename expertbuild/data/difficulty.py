"""How hard a row looks from its text alone: a stand-in, taken without any model.

Three things make an answer harder to write, and each was chosen because it can be said in a sentence: it is long, little
of it can be copied from the question, and it is deeply nested. The score is the logarithm of the answer's words, plus one
for a share of new words of 100 %, plus a tenth for each level of brackets. It orders rows; it is no probability. What is
hard for a given base, its evaluation by stratum says.
"""

import math
import re

from expertbuild.data.rows import Row, question

WORD = re.compile(r"\w+|[^\w\s]")
READ = 20_000  # characters of either side


def difficulty(row: Row) -> float:
    """A number that is larger for rows that look harder."""
    answer = row["answer"][:READ]
    said = WORD.findall(answer.casefold())
    if not said:
        return 0.0
    known = set(WORD.findall(question(row)[:READ].casefold()))
    new = sum(word not in known for word in said) / len(said)
    return math.log1p(len(said)) + new + 0.1 * _depth(answer)


def _depth(text: str) -> int:
    depth = most = 0
    for letter in text:
        if letter in "([{":
            depth += 1
            most = max(most, depth)
        elif letter in ")]}" and depth:
            depth -= 1
    return most
