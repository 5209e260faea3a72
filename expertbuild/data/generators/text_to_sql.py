"""The task "answer this question with SQL": table definitions and a question, and the query that answers it.

Queries run on PostgreSQL and on SQLite. `facts.ddl` is what a scorer needs to run them; the stratum is the kind of
question (see `sql_questions`). A question about a column that no table has cannot be answered: a comment below the query that was
asked for says which.
The base's corpus has tables and queries, never a question beside its query.
"""

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from hashlib import sha256

from expertbuild.data.generators.asking import UNANSWERABLE, Forms, asked_about, polite
from expertbuild.data.generators.sql_questions import STRATA, NotHere
from expertbuild.data.generators.sql_words import Speech
from expertbuild.data.generators.tables import Table, schema
from expertbuild.data.rows import Row

# Joins and orders were what a small base found hardest, so they come more often.
WEIGHTS = {"filter": 2.0, "count": 1.5, "join": 3.0, "order": 1.5, "top": 1.5, "subquery": 1.5}
TWO_TABLES = 0.25  # how often a question about one table stands under two

LAYOUTS = Forms(
    train=(
        "{ddl}\n{question}",
        "{ddl}\n{question}",
        "{ddl}\n\n{question}",
        "{ddl}\nQuestion: {question}",
        "{question}\n{ddl}",
        "Schema:\n{ddl}\n\n{question}",
        "Given these tables:\n{ddl}\n{question}",
        "{question}\n\nSchema:\n{ddl}",
    ),
    held_out=(
        "These are the tables:\n{ddl}\n\nWhat I want to know: {question}",
        "I have this schema:\n{ddl}\nAnswer this: {question}",
    ),
)


def draw(rng: random.Random, words: str = "train", phrasings: str = "train", columns: int = 5) -> Row:
    """One question with its query; tables have up to `columns` columns besides their keys."""
    return next(draw_several(rng, 1, words, phrasings, columns))


def draw_several(
    rng: random.Random, count: int, words: str = "train", phrasings: str = "train", columns: int = 5
) -> Iterator[Row]:
    """Several questions about the same tables, shown in the same layout; sometimes the first has no answer."""
    lost = rng.random() < count * UNANSWERABLE
    while True:
        stratum, both = _kind(rng)
        tables = schema(rng, words, tables=2 if both else 1, columns=(2, columns - 1 if both else columns))
        try:
            question, query = STRATA[stratum](Speech(rng, phrasings, words), tables)
            answer = query + ";"
            if lost:
                stratum, (tables, answer) = "no such column", _lost(rng, tables, question, query)
        except NotHere:
            continue
        break
    question = _tidy(polite(rng, phrasings, question))
    shown = tables if len(tables) == 1 or rng.random() < 0.5 else tables[::-1]
    ddl = "\n".join(table.ddl() for table in shown)
    layout = LAYOUTS.part(rng, phrasings).replace("{ddl}", ddl)
    group = sha256("\n".join(sorted(table.ddl() for table in tables)).encode()).hexdigest()[:16]
    yield _row(layout, ddl, group, question, answer, stratum)
    for _ in range(count - 1):
        stratum, question, query = _another(rng, tables, words, phrasings)
        yield _row(layout, ddl, group, _tidy(polite(rng, phrasings, question)), query + ";", stratum)


def _kind(rng: random.Random) -> tuple[str, bool]:
    """A kind of question, and whether it stands under two tables."""
    strata = list(STRATA)
    stratum = rng.choices(strata, [WEIGHTS.get(name, 1.0) for name in strata])[0]
    return stratum, stratum == "join" or rng.random() < TWO_TABLES


def _another(rng: random.Random, tables: Sequence[Table], words: str, phrasings: str) -> tuple[str, str, str]:
    """A question about these tables, of the kinds that are asked about so many."""
    while True:
        stratum, both = _kind(rng)
        if both != (len(tables) == 2):
            continue
        try:
            return stratum, *STRATA[stratum](Speech(rng, phrasings, words), tables)
        except NotHere:
            continue


def _row(layout: str, ddl: str, group: str, question: str, answer: str, stratum: str) -> Row:
    asked = layout.replace("{question}", question)
    return {
        "id": "text_to_sql-" + sha256(asked.encode()).hexdigest()[:16],
        "messages": [{"role": "user", "content": asked}],
        "answer": answer,
        "stratum": stratum,
        "facts": {"ddl": ddl},
        "group": group,
    }


def _lost(rng: random.Random, tables: Sequence[Table], question: str, query: str) -> tuple[list[Table], str]:
    """The tables without one of the columns that are asked about, and the answer that says so."""
    every = [column for table in tables for column in table.columns]
    asked = asked_about(every, [table.name for table in tables], question, re.findall(r"\w+", query))
    able = [
        (table, column)
        for table in tables
        for column in table.of_kind()
        if column in asked and len(table.of_kind()) > 1
    ]
    if not able:
        raise NotHere
    table, column = rng.choice(able)
    left = replace(table, columns=tuple(each for each in table.columns if each != column))
    kept = [left if each == table else each for each in tables]
    return kept, f"{query};\n-- cannot: {table.name} has no column {column.name}"


def _tidy(question: str) -> str:
    """One blank between words, none before marks, a capital at the start."""
    text = " ".join(question.split())
    for mark in ".?,":
        text = text.replace(f" {mark}", mark)
    return text[0].upper() + text[1:]
