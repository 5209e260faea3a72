"""Kinds of questions about tables, each with the SQL that answers it: valid on PostgreSQL and on SQLite.

One function a stratum, from (speech, tables) to (question, query). Forms for training and held-out forms stand side
by side. A question names what it wants in which order, so that the query follows from it.
"""

from collections.abc import Callable, Sequence

from expertbuild.data.generators import sql_forms as forms
from expertbuild.data.generators import sql_words as say
from expertbuild.data.generators.sql_words import NUMBERS, Condition, Speech
from expertbuild.data.generators.tables import Column, Table

Question = tuple[str, str]
Stratum = Callable[[Speech, Sequence[Table]], Question]


class NotHere(Exception):
    """These tables have nothing to ask this question about."""


def filter_(speech: Speech, tables: Sequence[Table]) -> Question:
    table = speech.rng.choice(list(tables))
    return _select(speech, table, say.conditions(speech, table.of_kind()))


def predicate(build: Callable[[Speech, Sequence[Column]], Condition], *kinds: str) -> Stratum:
    """A stratum of questions with one special condition."""

    def ask(speech: Speech, tables: Sequence[Table]) -> Question:
        table = _with(speech, tables, *kinds)
        return _select(speech, table, build(speech, table.of_kind()))

    return ask


def count(speech: Speech, tables: Sequence[Table]) -> Question:
    table = speech.rng.choice(list(tables))
    where = _maybe(speech, table, 0.7)
    text = speech.ask(forms.COUNTING, table=speech.table(table), where=where.text)
    return text, f"SELECT COUNT(*) FROM {table.name}{where.sql}"


def aggregate(speech: Speech, tables: Sequence[Table]) -> Question:
    table = _with(speech, tables, *NUMBERS, "date")
    column = speech.rng.choice(table.of_kind(*NUMBERS, "date"))
    word, name = say.aggregate(speech, column)
    where = _maybe(speech, table, 0.5)
    text = speech.ask(
        forms.AGGREGATING, agg=word, column=speech.name(column), table=speech.table(table), where=where.text
    )
    return text, f"SELECT {name}({column.name}) FROM {table.name}{where.sql}"


def order(speech: Speech, tables: Sequence[Table]) -> Question:
    table = _with(speech, tables, *NUMBERS)
    key = speech.rng.choice(table.of_kind(*NUMBERS))
    direction = speech.rng.choice(("ASC", "DESC"))
    where = _maybe(speech, table, 0.25)
    what, columns = _what(speech, table)
    text = speech.ask(
        forms.SORTED,
        what=what,
        table=speech.table(table),
        where=where.text,
        key=speech.name(key),
        direction=speech.say(say.DIRECTIONS[direction]),
    )
    return text, f"SELECT {columns} FROM {table.name}{where.sql} ORDER BY {key.name} {direction}"


def top(speech: Speech, tables: Sequence[Table]) -> Question:
    table = _with(speech, tables, *NUMBERS)
    key = speech.rng.choice(table.of_kind(*NUMBERS))
    name, direction = speech.rng.choice((("MAX", "DESC"), ("MIN", "ASC")))
    limit = speech.rng.choice((1, 1, 2, 3, 5, 10))
    what, columns = _what(speech, table)
    text = speech.ask(
        forms.TOP_ONE if limit == 1 else forms.TOP,
        what=what,
        n=limit,
        table=speech.table(table),
        agg=speech.say(say.AGGREGATES[name]),
        key=speech.name(key),
    )
    return text, f"SELECT {columns} FROM {table.name} ORDER BY {key.name} {direction} LIMIT {limit}"


def group(speech: Speech, tables: Sequence[Table]) -> Question:
    table = _with(speech, tables, "text")
    by = speech.rng.choice(table.of_kind("text"))
    numbers = [column for column in table.of_kind(*NUMBERS) if column != by]
    if numbers and speech.rng.random() < 0.5:
        column = speech.rng.choice(numbers)
        word, name = say.aggregate(speech, column)
        text = speech.ask(
            forms.GROUPED_BY, agg=word, column=speech.name(column), group=speech.name(by), table=speech.table(table)
        )
        return text, f"SELECT {by.name}, {name}({column.name}) FROM {table.name} GROUP BY {by.name}"
    text = speech.ask(forms.GROUPED, group=speech.name(by), table=speech.table(table))
    return text, f"SELECT {by.name}, COUNT(*) FROM {table.name} GROUP BY {by.name}"


def having(speech: Speech, tables: Sequence[Table]) -> Question:
    table = _with(speech, tables, "text")
    by = speech.rng.choice(table.of_kind("text"))
    sign = speech.rng.choice((">", ">", "<", ">=", "<="))
    compared = speech.say(say.COMPARED[sign])
    numbers = table.of_kind(*NUMBERS)
    values = {"group": speech.name(by), "compared": compared, "table": speech.table(table)}
    if numbers and speech.rng.random() < 0.4:
        column = speech.rng.choice(numbers)
        word, name = say.aggregate(speech, column)
        number = speech.rng.randint(2, 500)
        text = speech.ask(forms.HAVING_BY, **values, agg=word, column=speech.name(column), n=number)
        measure = f"{name}({column.name})"
    else:
        number = speech.rng.randint(1, 10)
        text = speech.ask(forms.HAVING, **values, n=number)
        measure = "COUNT(*)"
    return text, f"SELECT {by.name} FROM {table.name} GROUP BY {by.name} HAVING {measure} {sign} {number}"


def distinct(speech: Speech, tables: Sequence[Table]) -> Question:
    table = speech.rng.choice(list(tables))
    column = speech.rng.choice(table.of_kind())
    counted = speech.rng.random() < 0.35
    text = speech.ask(
        forms.COUNT_DISTINCT if counted else forms.DISTINCT, column=speech.name(column), table=speech.table(table)
    )
    what = f"COUNT(DISTINCT {column.name})" if counted else f"DISTINCT {column.name}"
    return text, f"SELECT {what} FROM {table.name}"


def subquery(speech: Speech, tables: Sequence[Table]) -> Question:
    if len(tables) > 1 and speech.rng.random() < 0.5:
        return _without(speech, tables)
    table = _with(speech, tables, *NUMBERS)
    column = speech.rng.choice(table.of_kind(*NUMBERS))
    what, columns = _what(speech, table)
    values = {"what": what, "table": speech.table(table), "column": speech.name(column)}
    if speech.rng.random() < 0.7:
        side, sign = speech.rng.choice((("above", ">"), ("below", "<")))
        text = speech.ask(forms.COMPARED_TO_ALL, **values, side=side)
        inner = "AVG"
    else:
        inner, sign = speech.rng.choice(("MAX", "MIN")), "="
        text = speech.ask(forms.EXTREME_OF_ALL, **values, agg=speech.say(say.AGGREGATES[inner]))
    return text, (
        f"SELECT {columns} FROM {table.name} WHERE {column.name} {sign} "
        f"(SELECT {inner}({column.name}) FROM {table.name})"
    )


def join(speech: Speech, tables: Sequence[Table]) -> Question:
    child, parent, key = _pair(tables)
    source = f"{child.name} JOIN {parent.name} ON {child.name}.{key.name} = {parent.name}.id"
    mine, theirs = speech.rng.choice(child.of_kind()), speech.rng.choice(parent.of_kind())
    values = {
        "child": speech.table(child),
        "parent": key.name.removesuffix("_id").replace("_", " "),
        "child_column": speech.name(mine),
        "parent_column": speech.name(theirs),
    }
    shape = speech.rng.random()
    if shape < 0.3:
        text = speech.ask(forms.JOINED, **values)
        return text, f"SELECT {child.name}.{mine.name}, {parent.name}.{theirs.name} FROM {source}"
    if shape < 0.75:
        what, tail = say.comparison(speech, theirs)
        text = speech.ask(forms.JOINED_WHERE, **values, condition=f"{values['parent_column']} {what}")
        return text, f"SELECT {child.name}.{mine.name} FROM {source} WHERE {parent.name}.{theirs.name} {tail}"
    text = speech.ask(forms.JOINED_COUNT, **values)
    shown = f"{parent.name}.{theirs.name}"
    return text, f"SELECT {shown}, COUNT(*) FROM {source} GROUP BY {shown}"


def _without(speech: Speech, tables: Sequence[Table]) -> Question:
    child, parent, key = _pair(tables)
    column = speech.rng.choice(parent.of_kind())
    text = speech.ask(
        forms.WITHOUT, parents=speech.table(parent), child=speech.table(child), parent_column=speech.name(column)
    )
    return text, f"SELECT {column.name} FROM {parent.name} WHERE id NOT IN (SELECT {key.name} FROM {child.name})"


def _select(speech: Speech, table: Table, where: Condition) -> Question:
    if speech.rng.random() < 0.15:
        text = speech.ask(forms.EVERYTHING, table=speech.table(table), where=where.text)
        return text, f"SELECT * FROM {table.name} WHERE {where.sql}"
    what, columns = _what(speech, table)
    text = speech.ask(forms.LISTING, what=what, table=speech.table(table), where=where.text)
    return text, f"SELECT {columns} FROM {table.name} WHERE {where.sql}"


def _what(speech: Speech, table: Table) -> tuple[str, str]:
    """Some columns to show, as words and as SQL."""
    columns = table.of_kind()
    chosen = speech.rng.sample(columns, min(len(columns), speech.rng.choice((1, 1, 1, 2, 2, 3))))
    return speech.listed([speech.name(column) for column in chosen]), ", ".join(column.name for column in chosen)


def _maybe(speech: Speech, table: Table, chance: float) -> Condition:
    """A condition with its WHERE, or nothing."""
    if speech.rng.random() >= chance:
        return Condition("", "")
    where = say.conditions(speech, table.of_kind())
    return Condition(where.text, f" WHERE {where.sql}")


def _with(speech: Speech, tables: Sequence[Table], *kinds: str) -> Table:
    able = [table for table in tables if table.of_kind(*kinds)]
    if not able:
        raise NotHere
    return speech.rng.choice(able)


def _pair(tables: Sequence[Table]) -> tuple[Table, Table, Column]:
    if len(tables) < 2:
        raise NotHere
    child, parent = tables[-1], tables[-2]
    assert child.foreign_key is not None
    return child, parent, child.foreign_key


STRATA: dict[str, Stratum] = {
    "filter": filter_,
    "between": predicate(say.between, *NUMBERS, "date"),
    "in": predicate(say.one_of, "text", "integer"),
    "like": predicate(say.like, "text"),
    "null": predicate(say.null),
    "count": count,
    "aggregate": aggregate,
    "order": order,
    "top": top,
    "group": group,
    "having": having,
    "distinct": distinct,
    "subquery": subquery,
    "join": join,
}
