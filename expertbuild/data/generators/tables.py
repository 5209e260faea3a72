"""Random relational schemas: tables with typed columns, their DDL, and rows to run queries on.

No question and no query stands here. SQL about these tables is written by the corpus (statements
alone) and by the text-to-SQL task (questions with their queries), each in its own file.
"""

import random
from dataclasses import dataclass

from expertbuild.data.generators.words import date, plural, text_value, thing, words

Value = str | int | float | None

# Nouns that SQL keeps for itself: as a table's name they stand in the plural.
_RESERVED = {"case", "grant", "group", "index", "order", "table", "user", "window"}

_TYPES = {
    "text": ("TEXT", "VARCHAR(50)", "VARCHAR"),
    "integer": ("INTEGER", "INT"),
    "real": ("REAL", "NUMERIC", "FLOAT"),
    "date": ("DATE",),
}


@dataclass(frozen=True)
class Column:
    name: str
    kind: str  # "text" | "integer" | "real" | "date"; keys are integers
    type: str  # as written in the DDL


@dataclass(frozen=True)
class Table:
    name: str
    columns: tuple[Column, ...]
    parent: str = ""  # the table that `foreign_key` points to, by its `id`

    @property
    def foreign_key(self) -> Column | None:
        return self.columns[1] if self.parent else None

    def of_kind(self, *kinds: str) -> list[Column]:
        """The columns a question may be about: keys are left out."""
        plain = self.columns[2 if self.parent else 1 :]
        return [column for column in plain if not kinds or column.kind in kinds]

    def ddl(self) -> str:
        body = ", ".join(f"{column.name} {column.type}" for column in self.columns)
        return f"CREATE TABLE {self.name} ({body});"


def schema(
    rng: random.Random,
    part: str = "all",
    tables: int = 1,
    columns: tuple[int, int] = (3, 5),
) -> list[Table]:
    """`tables` tables; each after the first points to the one before it."""
    made: list[Table] = []
    nouns: list[str] = []
    while len(made) < tables:
        noun = thing(rng, part)
        if noun in nouns:
            continue
        parent = nouns[-1] if nouns else ""
        name = plural(noun) if rng.random() < 0.8 or noun in _RESERVED else noun
        made.append(
            _table(
                rng,
                part,
                name,
                made[-1].name if made else "",
                parent,
                rng.randint(*columns),
            )
        )
        nouns.append(noun)
    return made


def rows(rng: random.Random, table: Table, count: int, part: str = "all", parents: int = 0) -> list[tuple[Value, ...]]:
    """Rows with ids from 1; values repeat often enough for groups, ties and filters to mean something."""
    pools: dict[str, list[Value]] = {
        column.name: [value_for(rng, column, part) for _ in range(rng.randint(2, max(3, count // 2)))]
        for column in table.columns
    }
    made: list[tuple[Value, ...]] = []
    for index in range(count):
        row: list[Value] = []
        for position, column in enumerate(table.columns):
            if position == 0:
                row.append(index + 1)
            elif table.parent and position == 1:
                row.append(rng.randint(1, max(1, parents)))
            else:
                row.append(rng.choice(pools[column.name]))
        made.append(tuple(row))
    return made


def value_for(rng: random.Random, column: Column, part: str = "all") -> Value:
    """A value that could stand in this column, of the size a person would ask about."""
    if column.kind == "text":
        return text_value(rng, part, column.name)
    if column.kind == "date":
        return date(rng)
    if column.kind == "real":
        return round(rng.uniform(1, rng.choice((10, 100, 1000))), rng.choice((1, 2)))
    if "year" in column.name:
        return rng.randint(1950, 2029)
    return rng.choice((rng.randint(1, 9), rng.randint(10, 99), rng.randint(100, 5000)))


def literal(value: Value) -> str:
    """The value as SQL writes it."""
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return str(value)


def _table(
    rng: random.Random,
    part: str,
    name: str,
    parent_table: str,
    parent_noun: str,
    columns: int,
) -> Table:
    types = {kind: rng.choice(names) for kind, names in _TYPES.items()}
    made = [Column("id", "integer", types["integer"])]
    if parent_table:
        made.append(Column(f"{parent_noun}_id", "integer", types["integer"]))
    taken = {column.name for column in made}
    kinds = ["text", rng.choice(("integer", "real"))]
    while len(kinds) < columns:
        kinds.append(rng.choices(("text", "integer", "real", "date"), (5, 4, 3, 1))[0])
    rng.shuffle(kinds)
    for kind in kinds:
        free = [word for word in words(f"{kind}_column", part) if word not in taken]
        if not free:
            continue
        column = rng.choice(free)
        taken.add(column)
        made.append(Column(column, kind, types[kind]))
    return Table(name, tuple(made), parent_table)
