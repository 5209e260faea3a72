"""What a finished answer names must be in what was asked: checks by name, whose remark is written below the answer.

    decoding: {check: sql_names}

A small model copies the column that was asked for, whether the schema has it or not; that something is missing it does
not see. A check does: it reads the schema in the conversation and the names in the answer, and says what is not there, in
a comment of the answer's language. Where the conversation has no schema that it can read, it says nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from runtime.checks import cypher_names, sql_names

CHECKS: Mapping[str, Callable[[str, str], str | None]] = {
    "cypher_names": cypher_names.remark,
    "sql_names": sql_names.remark,
}
MARKS = (sql_names.MARK, cypher_names.MARK)


def remark(check: str | None, messages: Sequence[Mapping[str, Any]], answer: str) -> str:
    """What is to be written below this answer: nothing, or a line that begins with a line end."""
    if check is None or any(line.startswith(MARKS) for line in answer.splitlines()):
        return ""
    asked = "\n".join(str(message["content"]) for message in messages if message.get("role") != "assistant")
    said = CHECKS[check](asked, answer)
    return f"\n{said}" if said else ""
