"""What a finished answer says must be in what was asked: checks by name, whose remark is written below the answer.

    decoding: {check: sql_names, second_look: 4}

A small model copies the column that was asked for, whether the schema has it or not; that something is missing it does
not see. A check does: it reads the schema in the conversation and the names in the answer, and says what is not there, in
a comment of the answer's language. Where the conversation has no schema that it can read, it says nothing.

A check may also doubt an answer: what it names stands elsewhere in the schema, or it does not use what the question names,
so that another answer is likely to be the right one. Whoever asked can then look at the next best answers and take the
first that the check lets pass.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from runtime.checks import code_fields, cypher_names, json_kept, json_told, sql_names
from runtime.checks.finding import Finding

CHECKS: Mapping[str, Callable[[Sequence[str], str], Finding | None]] = {
    "code_fields": code_fields.look,
    "cypher_names": cypher_names.look,
    "json_kept": json_kept.look,
    "json_told": json_told.look,
    "sql_names": sql_names.look,
}
MARKS = (sql_names.MARK, cypher_names.MARK, *code_fields.MARKS)


def told(messages: Sequence[Mapping[str, Any]]) -> list[str]:
    """What a conversation says, but for what was answered in it."""
    return [str(message["content"]) for message in messages if message.get("role") != "assistant"]


def remark(check: str | None, messages: Sequence[Mapping[str, Any]], answer: str) -> str:
    """What is to be written below this answer: nothing, or a line that begins with a line end."""
    found = _found(check, messages, answer)
    return f"\n{found.remark}" if found and found.remark else ""


def doubted(check: str | None, messages: Sequence[Mapping[str, Any]], answer: str) -> bool:
    """Whether another answer is likely to be the right one."""
    found = _found(check, messages, answer)
    return found is not None and found.doubt


def passed(check: str | None, messages: Sequence[Mapping[str, Any]], answers: Iterable[str]) -> int | None:
    """The place of the first answer that the check has nothing against; else of the first that it does not doubt."""
    second = None
    for place, answer in enumerate(answers):
        if _says_so(answer):
            continue
        found = _found(check, messages, answer)
        if found is None:
            return place
        if second is None and not found.doubt:
            second = place
    return second


def _says_so(answer: str) -> bool:
    """Whether the answer itself says that it cannot."""
    return any(line.startswith(MARKS) for line in answer.splitlines())


def _found(check: str | None, messages: Sequence[Mapping[str, Any]], answer: str) -> Finding | None:
    heard = told(messages)
    return CHECKS[check](heard, answer) if check is not None and heard and not _says_so(answer) else None
