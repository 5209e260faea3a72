"""Kinds of questions about tables, each with the SQL that answers it: valid on PostgreSQL and on SQLite.

One function a stratum, from (speech, tables) to (question, query). Forms for training and held-out forms stand side
by side. A question names what it wants in which order, so that the query follows from it.
"""

from collections.abc import Callable, Sequence

from expertbuild.data.generators import sql_words as say
from expertbuild.data.generators.asking import Forms
from expertbuild.data.generators.sql_words import NUMBERS, Condition, Speech
from expertbuild.data.generators.tables import Column, Table

Question = tuple[str, str]
Stratum = Callable[[Speech, Sequence[Table]], Question]


class NotHere(Exception):
    """These tables have nothing to ask this question about."""


LISTING = Forms(
    (
        "List the {what} of {table} {where}.",
        "Show the {what} of all {table} {where}.",
        "What is the {what} of {table} {where}?",
        "Give me the {what} for {table} {where}.",
        "Find the {what} of {table} {where}.",
        "Get {what} from {table} {where}.",
        "Which {what} do {table} {where} have?",
        "{what} of {table} {where}",
    ),
    (
        "I need the {what} of every one of the {table} {where}.",
        "For {table} {where}, what is the {what}?",
        "Look through the {table} and tell me the {what} of those {where}.",
        "Print {what} for each of the {table} {where}.",
    ),
)
EVERYTHING = Forms(
    (
        "Show all {table} {where}.",
        "List everything about {table} {where}.",
        "Find all {table} {where}.",
        "Show me the {table} {where}.",
    ),
    ("Display the full records of {table} {where}.", "I want to see every {table} row {where}."),
)
COUNTING = Forms(
    (
        "How many {table} are there {where}?",
        "How many {table} {where}?",
        "Count the {table} {where}.",
        "What is the number of {table} {where}?",
        "Find the number of {table} {where}.",
    ),
    (
        "Tell me how many {table} we have {where}.",
        "I want a count of {table} {where}.",
        "What do the {table} {where} number?",
    ),
)
AGGREGATING = Forms(
    (
        "What is the {agg} {column} of {table} {where}?",
        "Find the {agg} {column} of {table} {where}.",
        "Show the {agg} {column} for {table} {where}.",
        "{agg} {column} of all {table} {where}",
    ),
    ("Work out the {agg} {column} across {table} {where}.", "Looking at {table} {where}, what is the {agg} {column}?"),
)
SORTED = Forms(
    (
        "List the {what} of {table} {where} ordered by {key} {direction}.",
        "Show {what} of {table} {where} sorted by {key} {direction}.",
        "Give the {what} of {table} {where} by {key} {direction}.",
    ),
    (
        "Arrange the {what} of {table} {where} by {key}, {direction}.",
        "{what} of {table} {where}, ranked by {key} {direction}.",
    ),
)
TOP = Forms(
    (
        "Show the {what} of the {n} {table} with the {agg} {key}.",
        "Which {n} {table} have the {agg} {key}? Give the {what}.",
        "List the {what} of the {n} {table} with {agg} {key}.",
    ),
    (
        "Name the {what} for those {n} {table} whose {key} is {agg}.",
        "I only want {n} {table}, by {agg} {key}: give {what}.",
    ),
)
TOP_ONE = Forms(
    (
        "What is the {what} of the {table} entry with the {agg} {key}?",
        "Show the {what} of the one with the {agg} {key} in {table}.",
        "Among {table}, which one has the {agg} {key}? Give its {what}.",
    ),
    ("Give the {what} of whichever of the {table} has the {agg} {key}.",),
)
GROUPED = Forms(
    (
        "How many {table} are there for each {group}?",
        "Count the {table} for each {group}.",
        "Show each {group} and the number of {table}.",
        "What is the number of {table} per {group}?",
    ),
    ("Break the number of {table} down by {group}.", "By {group}, how many {table} do we have?"),
)
GROUPED_BY = Forms(
    (
        "What is the {agg} {column} of {table} for each {group}?",
        "Show the {agg} {column} of {table} per {group}.",
        "For each {group}, find the {agg} {column} of {table}.",
        "List each {group} with the {agg} {column} of its {table}.",
    ),
    ("Break the {agg} {column} of {table} down by {group}.", "By {group}, what is the {agg} {column} of {table}?"),
)
HAVING = Forms(
    (
        "Which {group} has {compared} {n} {table}?",
        "List each {group} with {compared} {n} {table}.",
        "Find every {group} that has {compared} {n} {table}.",
        "Show the {group} values with {compared} {n} {table}.",
    ),
    (
        "Name each {group} for which there are {compared} {n} {table}.",
        "Where the {table} number {compared} {n}, what is the {group}?",
    ),
)
HAVING_BY = Forms(
    (
        "Which {group} has a {agg} {column} {compared} {n} in {table}?",
        "List each {group} of {table} where the {agg} {column} is {compared} {n}.",
        "Find every {group} of {table} with a {agg} {column} {compared} {n}.",
    ),
    ("Name each {group} in {table} for which the {agg} {column} comes to {compared} {n}.",),
)
DISTINCT = Forms(
    (
        "What are the different {column} values of {table}?",
        "List the distinct {column} of {table}.",
        "Show every different {column} in {table}.",
        "Which different {column} values do {table} have?",
        "List the unique {column} of {table}.",
    ),
    ("Show me each {column} in {table} once.", "Without repeats, what {column} values occur in {table}?"),
)
COUNT_DISTINCT = Forms(
    (
        "How many different {column} values do {table} have?",
        "Count the distinct {column} of {table}.",
        "What is the number of different {column} values in {table}?",
    ),
    ("How many unique {column} values occur in {table}?",),
)
COMPARED_TO_ALL = Forms(
    (
        "List the {what} of {table} whose {column} is {side} the average.",
        "Which {table} have a {column} {side} average? Show the {what}.",
        "Show the {what} of {table} with {side} average {column}.",
        "Find the {what} of {table} where the {column} is {side} the average {column}.",
    ),
    ("Give the {what} of {table} that have a {column} {side} the mean over all of them.",),
)
EXTREME_OF_ALL = Forms(
    (
        "List the {what} of all {table} whose {column} equals the {agg} {column}.",
        "Find the {what} of every one of the {table} where the {column} is equal to the {agg} {column}.",
    ),
    ("Give the {what} of all {table} whose {column} matches the {agg} {column} there is.",),
)
JOINED = Forms(
    (
        "List the {child_column} of {child} and the {parent_column} of their {parent}.",
        "Show the {child_column} of each of the {child} with the {parent_column} of its {parent}.",
        "For all {child}, give the {child_column} and the {parent_column} of the {parent}.",
    ),
    ("Put the {child_column} of the {child} next to the {parent_column} of the {parent} they belong to.",),
)
JOINED_WHERE = Forms(
    (
        "List the {child_column} of {child} whose {parent} has {condition}.",
        "Show the {child_column} of {child} that belong to a {parent} with {condition}.",
        "Which {child_column} do {child} of a {parent} with {condition} have?",
        "Find the {child_column} of {child} for the {parent} with {condition}.",
    ),
    ("Give me the {child_column} of those {child} that go with a {parent} of {condition}.",),
)
JOINED_COUNT = Forms(
    (
        "How many {child} are there for each {parent} {parent_column}?",
        "Count the {child} per {parent_column} of the {parent}.",
        "Show each {parent} {parent_column} and the number of its {child}.",
    ),
    ("By {parent_column} of the {parent}, how many {child} do we have?",),
)
WITHOUT = Forms(
    (
        "List the {parent_column} of {parents} that have no {child}.",
        "Which {parents} have no {child}? Show the {parent_column}.",
        "Find the {parent_column} of {parents} without any {child}.",
    ),
    ("Give the {parent_column} of {parents} for which no {child} exist.",),
)


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
    text = speech.say(COUNTING).format(table=speech.table(table), where=where.text)
    return text, f"SELECT COUNT(*) FROM {table.name}{where.sql}"


def aggregate(speech: Speech, tables: Sequence[Table]) -> Question:
    table = _with(speech, tables, *NUMBERS, "date")
    column = speech.rng.choice(table.of_kind(*NUMBERS, "date"))
    word, name = say.aggregate(speech, column)
    where = _maybe(speech, table, 0.5)
    text = speech.say(AGGREGATING).format(
        agg=word, column=speech.name(column), table=speech.table(table), where=where.text
    )
    return text, f"SELECT {name}({column.name}) FROM {table.name}{where.sql}"


def order(speech: Speech, tables: Sequence[Table]) -> Question:
    table = _with(speech, tables, *NUMBERS)
    key = speech.rng.choice(table.of_kind(*NUMBERS))
    direction = speech.rng.choice(("ASC", "DESC"))
    where = _maybe(speech, table, 0.25)
    what, columns = _what(speech, table)
    text = speech.say(SORTED).format(
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
    text = speech.say(TOP_ONE if limit == 1 else TOP).format(
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
        text = speech.say(GROUPED_BY).format(
            agg=word, column=speech.name(column), group=speech.name(by), table=speech.table(table)
        )
        return text, f"SELECT {by.name}, {name}({column.name}) FROM {table.name} GROUP BY {by.name}"
    text = speech.say(GROUPED).format(group=speech.name(by), table=speech.table(table))
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
        text = speech.say(HAVING_BY).format(**values, agg=word, column=speech.name(column), n=number)
        measure = f"{name}({column.name})"
    else:
        number = speech.rng.randint(1, 10)
        text = speech.say(HAVING).format(**values, n=number)
        measure = "COUNT(*)"
    return text, f"SELECT {by.name} FROM {table.name} GROUP BY {by.name} HAVING {measure} {sign} {number}"


def distinct(speech: Speech, tables: Sequence[Table]) -> Question:
    table = speech.rng.choice(list(tables))
    column = speech.rng.choice(table.of_kind())
    counted = speech.rng.random() < 0.35
    text = speech.say(COUNT_DISTINCT if counted else DISTINCT).format(
        column=speech.name(column), table=speech.table(table)
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
        text = speech.say(COMPARED_TO_ALL).format(**values, side=side)
        inner = "AVG"
    else:
        inner, sign = speech.rng.choice(("MAX", "MIN")), "="
        text = speech.say(EXTREME_OF_ALL).format(**values, agg=speech.say(say.AGGREGATES[inner]))
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
        text = speech.say(JOINED).format(**values)
        return text, f"SELECT {child.name}.{mine.name}, {parent.name}.{theirs.name} FROM {source}"
    if shape < 0.75:
        what, tail = say.comparison(speech, theirs)
        text = speech.say(JOINED_WHERE).format(**values, condition=f"{values['parent_column']} {what}")
        return text, f"SELECT {child.name}.{mine.name} FROM {source} WHERE {parent.name}.{theirs.name} {tail}"
    text = speech.say(JOINED_COUNT).format(**values)
    shown = f"{parent.name}.{theirs.name}"
    return text, f"SELECT {shown}, COUNT(*) FROM {source} GROUP BY {shown}"


def _without(speech: Speech, tables: Sequence[Table]) -> Question:
    child, parent, key = _pair(tables)
    column = speech.rng.choice(parent.of_kind())
    text = speech.say(WITHOUT).format(
        parents=speech.table(parent), child=speech.table(child), parent_column=speech.name(column)
    )
    return text, f"SELECT {column.name} FROM {parent.name} WHERE id NOT IN (SELECT {key.name} FROM {child.name})"


def _select(speech: Speech, table: Table, where: Condition) -> Question:
    if speech.rng.random() < 0.15:
        text = speech.say(EVERYTHING).format(table=speech.table(table), where=where.text)
        return text, f"SELECT * FROM {table.name} WHERE {where.sql}"
    what, columns = _what(speech, table)
    text = speech.say(LISTING).format(what=what, table=speech.table(table), where=where.text)
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
