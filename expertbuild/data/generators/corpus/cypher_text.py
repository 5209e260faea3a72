"""Cypher as it is: graph schemas, and statements drawn from a schema alone."""

import itertools
import random
from dataclasses import dataclass

from expertbuild.data.generators.corpus.copying import turns
from expertbuild.data.generators.tables import Column, literal, value_for
from expertbuild.data.generators.words import thing, words

_FACTS = (
    "MATCH finds patterns of nodes and relationships.",
    "A node stands in round brackets and a relationship in square ones.",
    "An arrow shows the direction of a relationship.",
    "A label such as Person says what kind of node it is.",
    "RETURN says what to give back, and AS gives it a name.",
    "ORDER BY sorts and LIMIT keeps the first few.",
    "count(n) says how many nodes were found.",
    "avg, sum, min and max work over a group.",
    "WHERE keeps the patterns for which a condition holds.",
    "CONTAINS, STARTS WITH and ENDS WITH compare text.",
    "DISTINCT leaves out what was already returned.",
    "MERGE creates a node only when it is not there yet.",
)


@dataclass(frozen=True)
class Graph:
    labels: dict[str, tuple[Column, ...]]  # label -> properties
    relations: tuple[tuple[str, str, str], ...]  # from, type, to

    def text(self) -> str:
        nodes = [
            f"{label} {{{', '.join(f'{c.name}: {c.type}' for c in columns)}}}" for label, columns in self.labels.items()
        ]
        return "\n".join(nodes + [f"(:{a})-[:{kind}]->(:{b})" for a, kind, b in self.relations])


def graph(rng: random.Random, part: str = "all", labels: int = 2) -> Graph:
    """A graph schema with typed properties and one relationship between neighbouring labels."""
    types = {"text": "STRING", "integer": "INTEGER", "real": "FLOAT"}
    made: dict[str, tuple[Column, ...]] = {}
    while len(made) < labels:
        label = "".join(word.capitalize() for word in thing(rng, part).split("_"))
        columns = {"name": Column("name", "text", "STRING")}
        for _ in range(rng.randint(1, 3)):
            kind = rng.choice(list(types))
            name = rng.choice(words(f"{kind}_column", part))
            columns.setdefault(name, Column(name, kind, types[kind]))
        made.setdefault(label, tuple(columns.values()))
    names = list(made)
    relations = tuple((a, rng.choice(words("relation", part)), b) for a, b in itertools.pairwise(names))
    return Graph(made, relations)


def sample(rng: random.Random) -> str | list[dict[str, str]]:
    return rng.choices((_script, _structure, _facts, _create), (8, 3, 1, 2))[0](rng)


def _script(rng: random.Random) -> str:
    one = graph(rng, labels=rng.choice((1, 2, 2, 3)))
    return "\n".join([one.text()] + [query(rng, one) for _ in range(rng.randint(1, 4))])


def _structure(rng: random.Random) -> list[dict[str, str]]:
    one = graph(rng, labels=rng.choice((2, 3)))
    label = rng.choice(list(one.labels))
    start, kind, end = rng.choice(one.relations)
    ask, answer = rng.choice(
        (
            ("Which labels are there?", ", ".join(one.labels)),
            (
                f"Which properties does {label} have?",
                ", ".join(c.name for c in one.labels[label]),
            ),
            (f"What does {kind} connect?", f"{start} to {end}"),
            ("Which relationships are there?", ", ".join(r[1] for r in one.relations)),
        )
    )
    return turns(f"{one.text()}\n{ask}", answer)


def _facts(rng: random.Random) -> str:
    return " ".join(rng.sample(_FACTS, rng.randint(2, 5)))


def _create(rng: random.Random) -> str:
    one = graph(rng, labels=1)
    label, columns = next(iter(one.labels.items()))
    lines = []
    for _ in range(rng.randint(1, 3)):
        body = ", ".join(f"{c.name}: {literal(value_for(rng, c))}" for c in columns)
        lines.append(f"CREATE (:{label} {{{body}}})")
    return "\n".join(lines)


def query(rng: random.Random, one: Graph) -> str:
    """Some MATCH over this graph."""
    if one.relations and rng.random() < 0.55:
        start, kind, end = rng.choice(one.relations)
        a, b = _letters(start, end)
        pattern = f"({a}:{start})-[:{kind}]->({b}:{end})"
        holders = [(a, start), (b, end)]
    else:
        label = rng.choice(list(one.labels))
        a = label[0].lower()
        pattern, holders = f"({a}:{label})", [(a, label)]
    properties = [(f"{letter}.{column.name}", column) for letter, label in holders for column in one.labels[label]]
    text = f"MATCH {pattern}"
    if rng.random() < 0.6:
        name, column = rng.choice(properties)
        value = literal(value_for(rng, column))
        sign = rng.choice(
            ("=", "=", "<>", "CONTAINS", "STARTS WITH") if column.kind == "text" else ("=", ">", "<", ">=", "<=")
        )
        text += f" WHERE {name} {sign} {value}"
    name, _ = rng.choice(properties)
    numeric = [pair[0] for pair in properties if pair[1].kind != "text"]
    shape = rng.random()
    if shape < 0.15:
        return f"{text} RETURN count({holders[0][0]})"
    if shape < 0.3 and numeric:
        return f"{text} RETURN {rng.choice(('avg', 'sum', 'min', 'max'))}({rng.choice(numeric)})"
    if shape < 0.45 and len(holders) > 1:
        return f"{text} RETURN {holders[0][0]}.name, count({holders[1][0]}) AS total ORDER BY total DESC" + _limit(rng)
    if shape < 0.65 and numeric:
        return f"{text} RETURN {name} ORDER BY {rng.choice(numeric)}{rng.choice((' DESC', ''))}{_limit(rng)}"
    return f"{text} RETURN {rng.choice(('', '', 'DISTINCT '))}{name}"


def _letters(first: str, second: str) -> tuple[str, str]:
    a, b = first[0].lower(), second[0].lower()
    return (a, b) if a != b else (a + "1", b + "2")


def _limit(rng: random.Random) -> str:
    return f" LIMIT {rng.randint(1, 10)}" if rng.random() < 0.7 else ""
