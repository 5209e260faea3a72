"""SQL as it is: DDL, rows put in, and statements about the tables that stand above them.

No question in English stands with a query. A statement is drawn from the schema alone.
"""

import random

from expertbuild.data.generators.corpus.copying import turns
from expertbuild.data.generators.tables import (
    Column,
    Table,
    literal,
    rows,
    schema,
    value_for,
)

_FACTS = (
    "WHERE keeps the rows for which a condition holds.",
    "ORDER BY sorts the rows; DESC puts the largest first and ASC the smallest.",
    "LIMIT 1 keeps only the first row, so ORDER BY price DESC LIMIT 1 gives the most expensive one.",
    "COUNT(*) says how many rows there are.",
    "SUM adds the values up: the total of a column.",
    "AVG is the average or mean, MIN the lowest and MAX the highest value.",
    "GROUP BY makes one group for each different value.",
    "HAVING keeps the groups for which a condition holds, after they are counted.",
    "DISTINCT leaves out repeated values, so each different value appears once.",
    "JOIN puts together rows of two tables that share an id.",
    "A foreign key such as order_id points to the id of another table.",
    "BETWEEN 3 AND 9 means at least 3 and at most 9.",
    "LIKE 'A%' means that the text starts with A; LIKE '%a' that it ends with a.",
    "IS NULL means that a value is missing or unknown.",
    "Text stands in single quotes, numbers stand without.",
    "IN lists the values that are allowed.",
    "> means more than, greater or above; < means less than, fewer or below.",
    ">= means at least; <= means at most.",
    "<> means not equal, different from, other than.",
    "A subquery stands in brackets and is computed first.",
)


def sample(rng: random.Random) -> str | list[dict[str, str]]:
    return rng.choices((_script, _inserts, _structure, _facts), (8, 2, 4, 1))[0](rng)


def _script(rng: random.Random) -> str:
    tables = schema(rng, tables=rng.choice((1, 1, 2)), columns=(2, 5))
    statements = [query(rng, tables) + ";" for _ in range(rng.randint(1, 4))]
    return "\n".join([table.ddl() for table in tables] + statements)


def _inserts(rng: random.Random) -> str:
    table = schema(rng, columns=(2, 4))[0]
    lines = [
        f"INSERT INTO {table.name} VALUES ({', '.join(map(literal, row))});"
        for row in rows(rng, table, rng.randint(1, 4))
    ]
    return "\n".join([table.ddl(), *lines])


def _structure(rng: random.Random) -> list[dict[str, str]]:
    """Questions about the tables themselves: names and types, never their rows."""
    tables = schema(rng, tables=rng.choice((1, 2)), columns=(2, 5))
    text = "\n".join(table.ddl() for table in tables)
    table = rng.choice(tables)
    column = rng.choice(table.columns[1:])
    typed = [one.name for one in table.columns if one.type == column.type]
    ask, answer = rng.choice(
        (
            (
                f"Which columns does {table.name} have?",
                ", ".join(one.name for one in table.columns),
            ),
            (f"What is the type of {column.name} in {table.name}?", column.type),
            (f"Which columns of {table.name} are {column.type}?", ", ".join(typed)),
            ("Which tables are there?", ", ".join(one.name for one in tables)),
            (f"How many columns does {table.name} have?", str(len(table.columns))),
            (f"Is there a column {column.name} in {table.name}?", "yes"),
        )
    )
    return turns(f"{text}\n{ask}", answer)


def _facts(rng: random.Random) -> str:
    return " ".join(rng.sample(_FACTS, rng.randint(2, 6)))


def query(rng: random.Random, tables: list[Table]) -> str:
    """Some SELECT over these tables that runs."""
    joined = len(tables) > 1 and rng.random() < 0.5
    if joined:
        child = tables[-1]
        parent = tables[-2]
        key = child.foreign_key
        assert key is not None
        source = f"{child.name} JOIN {parent.name} ON {child.name}.{key.name} = {parent.name}.id"
        columns = [(f"{table.name}.{column.name}", column) for table in (child, parent) for column in table.of_kind()]
    else:
        table = rng.choice(tables)
        source = table.name
        columns = [(column.name, column) for column in table.of_kind()]
    numeric = [pair for pair in columns if pair[1].kind in ("integer", "real")]
    name, _column = rng.choice(columns)
    other, _ = rng.choice(columns)
    tail = ""
    if rng.random() < 0.6:
        tail = " WHERE " + condition(rng, *rng.choice(columns))
        if rng.random() < 0.25:
            tail += rng.choice((" AND ", " OR ")) + condition(rng, *rng.choice(columns))
    shape = rng.random()
    if shape < 0.12:
        return f"SELECT COUNT(*) FROM {source}{tail}"
    if shape < 0.26 and numeric:
        return f"SELECT {rng.choice(('AVG', 'SUM', 'MIN', 'MAX'))}({rng.choice(numeric)[0]}) FROM {source}{tail}"
    if shape < 0.4:
        measure = "COUNT(*)"
        if numeric and rng.random() < 0.5:
            measure = f"{rng.choice(('AVG', 'SUM', 'MAX', 'MIN'))}({rng.choice(numeric)[0]})"
        text = f"SELECT {name}, {measure} FROM {source}{tail} GROUP BY {name}"
        if rng.random() < 0.35:
            text += f" HAVING {measure} {rng.choice(('>', '<', '>='))} {rng.randint(1, 50)}"
        return text
    if shape < 0.6 and numeric:
        what = rng.choice((name, f"{name}, {other}", "*" if not joined else name))
        text = f"SELECT {what} FROM {source}{tail} ORDER BY {rng.choice(numeric)[0]}{rng.choice((' DESC', ' ASC', ''))}"
        return text + (f" LIMIT {rng.randint(1, 10)}" if rng.random() < 0.7 else "")
    if shape < 0.68:
        return f"SELECT DISTINCT {name} FROM {source}{tail}"
    if shape < 0.76 and numeric and not joined:
        measured = rng.choice(numeric)[0]
        return f"SELECT {name} FROM {source} WHERE {measured} {rng.choice(('>', '<', '='))} (SELECT {rng.choice(('AVG', 'MAX', 'MIN'))}({measured}) FROM {source})"
    return f"SELECT {rng.choice((name, f'{name}, {other}'))} FROM {source}{tail}"


def condition(rng: random.Random, name: str, column: Column) -> str:
    value = value_for(rng, column)
    choice = rng.random()
    if choice < 0.06:
        return f"{name} IS {rng.choice(('', 'NOT '))}NULL"
    if column.kind == "text":
        if choice < 0.75:
            return f"{name} {rng.choice(('=', '=', '=', '<>'))} {literal(value)}"
        if choice < 0.88:
            return f"{name} IN ({literal(value)}, {literal(value_for(rng, column))})"
        letter = str(value)[0]
        return f"{name} LIKE '{rng.choice((f'{letter}%', f'%{letter}', f'%{letter}%'))}'"
    if choice < 0.85 or column.kind == "date":
        return f"{name} {rng.choice(('>', '<', '>=', '<=', '=', '<>'))} {literal(value)}"
    low = rng.randint(1, 50)
    return f"{name} BETWEEN {low} AND {low + rng.randint(1, 500)}"
