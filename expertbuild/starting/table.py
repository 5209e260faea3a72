"""The user's own table, and what its columns are taken for: which is the question, which the answer.

What is named on the command line is taken at its word; the rest goes by the names that people give such columns, and
where two columns are left, by their order. Nothing else is guessed: it is asked for by name.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from expertbuild.data.columns import to_row
from expertbuild.data.records import records
from expertbuild.data.rows import Row
from expertbuild.data.unpacked import File
from expertbuild.starting.errors import StartMistake

LEAST = 20  # rows: fewer leave nothing to train and to test on
PROMPTS = ("prompt", "question", "instruction", "input", "text", "message", "request", "query", "source", "utterance")
ANSWERS = ("answer", "output", "response", "completion", "target", "label", "expected", "reply", "result", "category")
STRATA = ("stratum", "kind", "type", "category", "difficulty")
GROUPS = ("group", "database", "document", "user_id")
_PLAIN = re.compile(r"[^{}!:\[\].]+")


@dataclass(frozen=True)
class Table:
    """A file's records, how they become rows, and the rows."""

    path: Path
    columns: dict[str, Any] | None  # of a recipe; None: they are rows already
    rows: list[Row]


def read(path: Path, prompt: str | None, answer: str | None) -> Table:
    """The table, its columns settled and every record tried."""
    if not path.is_file():
        raise StartMistake("there is no such file.", where=str(path))
    file = File(path, path.name)
    found = list(records(file, file.format))
    if len(found) < LEAST:
        raise StartMistake(f"has {len(found)} rows; an expert needs {LEAST} at least.", where=path.name)
    first = found[0][1]
    if not isinstance(first, Mapping):
        raise StartMistake("is not a table with named columns.", where=path.name)
    columns = settled(list(map(str, first)), prompt, answer, path.name)
    rows = [to_row(record, columns, f"{path.name}:{number}") for number, record in found]
    return Table(path, columns, rows)


def settled(names: Sequence[str], prompt: str | None, answer: str | None, where: str) -> dict[str, Any] | None:
    """The mapping of a recipe; None for records that are rows as they stand."""
    if prompt is None and answer is None and {"messages", "answer"} <= set(names):
        return None
    for asked in (each for each in (prompt, answer) if each is not None and "{" not in each):
        if asked not in names:
            raise StartMistake(f'there is no column "{asked}".', where=where, hint=f"There are: {', '.join(names)}.")
    found = answer or _first(ANSWERS, names, but=prompt)
    question = prompt or _first(PROMPTS, names, but=found)
    if len(names) == 2 and (found is None) != (question is None):
        [other] = [name for name in names if name != (found or question)]
        found, question = found or other, question or other
    elif len(names) == 2 and found is None:
        question, found = names
    if question is None or found is None:
        lacking = "--prompt" if question is None else "--answer"
        raise StartMistake(
            f"which column is the {lacking.lstrip('-')} cannot be told.",
            where=where,
            hint=f'Say {lacking} COLUMN, or a template: {lacking} "{{a}} {{b}}". There are: {", ".join(names)}.',
        )
    lower = {name.lower(): name for name in names}
    if prompt is None and question.lower() == "instruction" and "input" in lower and lower["input"] != found:
        question = f"{{{question}}}\n{{{lower['input']}}}"
    made = {"prompt": question, "answer": found}
    for part, known in (("stratum", STRATA), ("group", GROUPS)):
        name = _first(known, names, but=found)
        if name is not None and name != question:
            made[part] = name
    for name in made.values():
        if name in names and not _PLAIN.fullmatch(name):
            raise StartMistake(
                f'the column "{name}" has a mark in its name that templates use.', where=where, hint="Rename it."
            )
    return made


def _first(known: Sequence[str], names: Sequence[str], but: str | None) -> str | None:
    lower = {name.lower().strip(): name for name in names if name != but}
    return next((lower[name] for name in known if name in lower), None)
