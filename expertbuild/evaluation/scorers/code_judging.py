"""What judging code has in common, whatever the language: what is compared by its words and what an engine decides.

The answer that was expected is right. Where the row has tests (`facts.tests`), an engine decides about any other; where
it has none - a comment that says why there can be no code, or a user's own row - the same words are right. `facts.needs`
lists what an answer must contain besides.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from expertbuild.evaluation.scorers import Score
from expertbuild.evaluation.scorers.code_tokens import CodeUnread, words
from expertbuild.evaluation.scorers.declined import declined
from expertbuild.evaluation.scorers.sql_execution import unfenced

Failed = str
Engine = Callable[[Sequence[str]], Failed | None]


def judged(answer: str, row: Mapping[str, Any], language: str, engine: Engine | None) -> Score:
    """The score of an answer. `engine` takes what stands before, the answer and the tests, and says what fails."""
    code, expected, facts = unfenced(answer).strip(), str(row["answer"]).strip(), row.get("facts") or {}
    if not code:
        return Score(0.0, "no code")
    if code == expected:
        return Score(1.0, "the expected code itself")
    if (said := declined(code, expected)) is not None:
        return said
    try:
        given = words(code, language)
    except CodeUnread as error:
        return Score(0.0, f"does not parse: {error}")
    for needed in facts.get("needs") or []:
        if "".join(needed.split()) not in "".join(code.split()):
            return Score(0.0, f"lacks {needed}")
    try:
        if given == words(expected, language):
            return Score(1.0, "the expected code, otherwise laid out")
    except CodeUnread as error:
        return Score(0.0, f"the case's own answer does not parse: {error}")
    if engine is None or not facts.get("tests"):
        return Score(0.0, "is not the expected code")
    failed = engine([_code(facts.get("before") or ""), code, _code(facts["tests"])])
    return Score(1.0, "passes its tests") if failed is None else Score(0.0, failed)


def parses(answer: str, language: str) -> bool:
    """Whether the language's own grammar reads it; a comment that says why there can be no code is read too."""
    code = unfenced(answer).strip()
    try:
        words(code, language)
    except CodeUnread:
        return False
    return bool(code)


def _code(given: Any) -> str:
    """Code as it is, or the lines of a JSON list: the form in which public data sets have their tests."""
    text = str(given)
    if text.startswith('["'):
        try:
            return "\n".join(map(str, json.loads(text)))
        except ValueError:
            pass
    return text
