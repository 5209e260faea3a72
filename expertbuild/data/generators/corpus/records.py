"""Records in many plain formats: tables, lists, key and value lines, CSV; told again in another one.

JSON has a file of its own and is never the target of a conversion here: writing JSON from something
else is a task, not a format.
"""

import random
from collections.abc import Callable

from expertbuild.data.generators.corpus.copying import turns
from expertbuild.data.generators.tables import Table, Value, rows, schema

Row = tuple[Value, ...]


def sample(rng: random.Random) -> str | list[dict[str, str]]:
    return rng.choices((_listing, _convert, _cell, _pick), (3, 4, 4, 3))[0](rng)


def _csv(names: list[str], lines: list[Row]) -> str:
    return "\n".join([",".join(names)] + [",".join(map(str, line)) for line in lines])


def _tabs(names: list[str], lines: list[Row]) -> str:
    return "\n".join([" | ".join(names)] + [" | ".join(map(str, line)) for line in lines])


def _markdown(names: list[str], lines: list[Row]) -> str:
    head = f"| {' | '.join(names)} |\n|{'|'.join(['---'] * len(names))}|"
    return "\n".join([head] + [f"| {' | '.join(map(str, line))} |" for line in lines])


def _blocks(names: list[str], lines: list[Row]) -> str:
    return "\n\n".join("\n".join(f"{name}: {value}" for name, value in zip(names, line, strict=True)) for line in lines)


def _equals(names: list[str], lines: list[Row]) -> str:
    return "\n".join("; ".join(f"{name}={value}" for name, value in zip(names, line, strict=True)) for line in lines)


def _bullets(names: list[str], lines: list[Row]) -> str:
    return "\n".join(
        "- " + ", ".join(f"{name} {value}" for name, value in zip(names, line, strict=True)) for line in lines
    )


FORMATS: dict[str, Callable[[list[str], list[Row]], str]] = {
    "CSV": _csv,
    "a table with bars": _tabs,
    "a Markdown table": _markdown,
    "lines of key and value": _blocks,
    "pairs with equals signs": _equals,
    "a bullet list": _bullets,
}


def table_and_rows(rng: random.Random, most: int) -> tuple[Table, list[str], list[Row]]:
    table = schema(rng, columns=(2, 4))[0]
    return (
        table,
        [column.name for column in table.columns],
        rows(rng, table, rng.randint(1, most)),
    )


def _listing(rng: random.Random) -> str:
    table, names, lines = table_and_rows(rng, 6)
    text = rng.choice(list(FORMATS.values()))(names, lines)
    return f"{table.name}\n{text}" if rng.random() < 0.5 else text


def _convert(rng: random.Random) -> list[dict[str, str]]:
    _, names, lines = table_and_rows(rng, 3)
    source, target = rng.sample(sorted(FORMATS), 2)
    ask = rng.choice(("Write this as {}:", "Turn this into {}:", "Show as {}:", "Convert to {}:"))
    return turns(
        f"{ask.format(target)}\n{FORMATS[source](names, lines)}",
        FORMATS[target](names, lines),
    )


def _cell(rng: random.Random) -> list[dict[str, str]]:
    _table, names, lines = table_and_rows(rng, 5)
    text = rng.choice(list(FORMATS.values()))(names, lines)
    line = rng.choice(lines)
    spot = rng.randrange(1, len(names))
    ask = rng.choice(
        (
            "What is the {name} of id {id}?",
            "{name} where id is {id}?",
            "id {id}: which {name}?",
        )
    )
    return turns(f"{text}\n{ask.format(name=names[spot], id=line[0])}", str(line[spot]))


def _pick(rng: random.Random) -> list[dict[str, str]]:
    """All values of one column, or the rows with one value."""
    _table, names, lines = table_and_rows(rng, 5)
    text = rng.choice(list(FORMATS.values()))(names, lines)
    spot = rng.randrange(1, len(names))
    if rng.random() < 0.5:
        return turns(
            f"{text}\nList every {names[spot]}.",
            ", ".join(str(line[spot]) for line in lines),
        )
    value = rng.choice(lines)[spot]
    found = [str(line[0]) for line in lines if line[spot] == value]
    return turns(f"{text}\nWhich ids have {names[spot]} {value}?", ", ".join(found))
