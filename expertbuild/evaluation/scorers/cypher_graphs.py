"""Graph schemas as text, and random content for them, drawn so that wrong queries are found out.

Two forms are read: `Label {property: TYPE, ...}` with `(:A)-[:TYPE]->(:B)`, a line each, as the project's generators
write them, and the listing that Neo4j's tools print ("Node properties:", "- **Label**", "- `property`: TYPE").
Values come from the queries that will run and from chance, as for databases (see `sql_databases`).
"""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from expertbuild.evaluation.scorers.cypher_tokens import Token
from expertbuild.evaluation.scorers.sql_databases import Column, Literals, Shape, fill

MOST_NODES = 12  # of one label
KEY = "_k"  # counts from 1 in every label; what relationships are made by
_TYPES = {"STRING": "STRING", "INTEGER": "INT64", "FLOAT": "DOUBLE", "BOOLEAN": "BOOL", "DATE": "STRING"}
_KINDS = {"STRING": "text", "INTEGER": "integer", "FLOAT": "real", "BOOLEAN": "flag", "DATE": "date"}

_LABEL = re.compile(r"^(\w+) \{(.*)\}$")
_PROPERTY = re.compile(r"(\w+): ([A-Z_]+)")
_EDGE = re.compile(r"\(:`?([^`()]+?)`?\)-\[:`?([^`\[\]]+?)`?\]->\(:`?([^`()]+?)`?\)")
_LISTED_LABEL = re.compile(r"^- \*\*`?(.+?)`?\*\*")
_LISTED_PROPERTY = re.compile(r"^\s*- `(\w+)(?:`: |: )([A-Z_]+)")


class SchemaUnread(Exception):
    """Text in which no schema was found."""


@dataclass(frozen=True)
class Graph:
    labels: dict[str, dict[str, str]]  # label -> property -> type
    edges: tuple[tuple[str, str, str], ...]  # from, type, to
    on_edges: dict[str, dict[str, str]]  # type -> property -> type


@lru_cache(maxsize=64)
def graph(text: str) -> Graph:
    """The schema in a text."""
    labels: dict[str, dict[str, str]] = {}
    on_edges: dict[str, dict[str, str]] = {}
    here, properties = labels, None
    for line in text.splitlines():
        if written := _LABEL.match(line.strip()):
            labels[written[1]] = dict(_PROPERTY.findall(written[2]))
        elif line.startswith("Relationship properties"):
            here, properties = on_edges, None
        elif listed := _LISTED_LABEL.match(line):
            properties = here.setdefault(listed[1], {})
        elif properties is not None and (one := _LISTED_PROPERTY.match(line)):
            properties[one[1]] = one[2]
    edges = tuple(dict.fromkeys(_EDGE.findall(text)))
    for start, _, end in edges:
        labels.setdefault(start, {})
        labels.setdefault(end, {})
    if not labels:
        raise SchemaUnread("no label is named in it")
    return Graph(labels, edges, on_edges)


def literals(*queries: Sequence[Token]) -> Literals:
    """The constants of some queries."""
    texts: list[str] = []
    numbers: list[float] = []
    for found in queries:
        for place, token in enumerate(found):
            if token.kind == "string":
                texts.append(token.text[1:-1].replace("\\'", "'").replace("\\\\", "\\"))
            elif token.kind == "number" and found[place - 1].text not in ("LIMIT", "SKIP", ".."):
                numbers.append(float(token.text))
    dates = [text for text in texts if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text)]
    return Literals(tuple(dict.fromkeys(texts)), tuple(dict.fromkeys(numbers)), tuple(dict.fromkeys(dates)))


def script(one: Graph, values: Literals, rng: random.Random, *, nulls: bool, distinct: bool) -> list[list[str]]:
    """The statements that make a random graph of this schema: twice, its parts in another order the second time.

    `distinct` makes values mostly differ, and also how many relationships each node has: an order without ties.
    """
    tables = {
        label: (
            Column(KEY, "integer", key=True, points=False, filled=True),
            *(Column(name, _KINDS.get(kind, "text"), False, False, False) for name, kind in properties.items()),
        )
        for label, properties in one.labels.items()
    }
    content = {
        label: rows[:MOST_NODES]
        for label, rows in fill(Shape("", tables), values, rng, nulls=nulls, distinct=distinct).items()
    }
    if distinct:
        content = {label: _told_apart(rows, values) for label, rows in content.items()}
    draw = _staircase if distinct else _links
    links = {edge: draw(rng, len(content[edge[0]]), len(content[edge[2]])) for edge in one.edges}
    both = []
    for turn in (1, -1):
        made = _tables(one)
        for label, rows in content.items():
            nodes = ", ".join(f"(:`{label}` {{{_map(one.labels[label], row)}}})" for row in rows[::turn])
            made.append(f"CREATE {nodes}")
        for (start, kind, end), pairs in links.items():
            if pairs:
                listed = ", ".join(f"[{a}, {b}]" for a, b in pairs[::turn])
                made.append(
                    f"UNWIND [{listed}] AS e MATCH (a:`{start}`), (b:`{end}`) "
                    f"WHERE a.{KEY} = e[1] AND b.{KEY} = e[2] CREATE (a)-[:`{kind}`]->(b)"
                )
        both.append(made)
    return both


def _tables(one: Graph) -> list[str]:
    made = []
    for label, properties in one.labels.items():
        columns = "".join(f", `{name}` {_TYPES.get(kind, 'STRING')}" for name, kind in properties.items())
        made.append(f"CREATE NODE TABLE `{label}` (`{KEY}` INT64 PRIMARY KEY{columns})")
    for kind in dict.fromkeys(kind for _, kind, _ in one.edges):
        ends = ", ".join(f"FROM `{start}` TO `{end}`" for start, each, end in one.edges if each == kind)
        columns = "".join(
            f", `{name}` {_TYPES.get(type_, 'STRING')}" for name, type_ in one.on_edges.get(kind, {}).items()
        )
        made.append(f"CREATE REL TABLE `{kind}` ({ends}{columns})")
    return made


def _links(rng: random.Random, starts: int, ends: int) -> list[tuple[int, int]]:
    """Pairs of keys: some nodes with many, some with none."""
    pairs = {(_skewed(rng, starts), rng.randint(1, ends)) for _ in range(rng.randint(1, max(2, starts + ends)))}
    made = sorted(pairs)
    rng.shuffle(made)
    return made


def _staircase(rng: random.Random, starts: int, ends: int) -> list[tuple[int, int]]:
    """Pairs of keys such that no two nodes of a side have as many, as far as that can be."""
    first, second = rng.sample(range(1, starts + 1), starts), rng.sample(range(1, ends + 1), ends)
    return [(a, b) for steps, a in enumerate(first, rng.choice((0, 1))) for b in second[:steps]]


def _told_apart(rows: Sequence[tuple[Any, ...]], values: Literals) -> list[tuple[Any, ...]]:
    """The rows with a number after each text that was there before, unless a query asks for just this text."""
    seen: set[tuple[int, str]] = set()
    made = []
    for number, row in enumerate(rows):
        cells = list(row)
        for place, cell in enumerate(cells):
            if isinstance(cell, str) and (place, cell) in seen and cell not in values.texts:
                cells[place] = f"{cell}{number}"
            elif isinstance(cell, str):
                seen.add((place, cell))
        made.append(tuple(cells))
    return made


def _skewed(rng: random.Random, most: int) -> int:
    return min(rng.randint(1, most), rng.randint(1, most))


def _map(properties: dict[str, str], row: Sequence[Any]) -> str:
    parts = [f"`{KEY}`: {row[0]}"]
    for (name, kind), value in zip(properties.items(), row[1:], strict=True):
        if value is not None:
            parts.append(f"`{name}`: {_written(kind, value)}")
    return ", ".join(parts)


def _written(kind: str, value: Any) -> str:
    if kind == "BOOLEAN":
        return "true" if value else "false"
    if isinstance(value, str):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return repr(float(value)) if kind == "FLOAT" else str(value)
