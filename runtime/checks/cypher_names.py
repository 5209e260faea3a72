"""Labels, relationships and properties of a query that the graph of the conversation has not.

    // cannot: Film has no property weight

The graph is read where it is written as `Film {title: STRING, year: INTEGER}` and `(:Person)-[:ACTED_IN]->(:Film)`, one to a
line, or as Neo4j lists it: `- **Film**`, and below it a line `- `title`: STRING` for each property. A variable without a label, or one that WITH made, may have any property.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

MARK = "// cannot:"

_LABEL = re.compile(r"^[ \t]*+(?:\(?:)?(\w++)\)?[ \t]*+\{([^{}\n]*+)\}[ \t]*+\)?[ \t]*+$", re.MULTILINE)
_LISTED = re.compile(r"^[ \t]*- \*\*(\w+)\*\*[ \t]*$|^[ \t]*- `(\w+)`:", re.MULTILINE)
_PROPERTY = re.compile(r"(?:^|,)\s*+`?(\w++)`?\s*+:")
_RELATION = re.compile(r"\(:?(\w+)\)-\[:(\w+)\]->\(:?(\w+)\)")
_TEXTS = re.compile(r"'(?:[^'\\]|\\.?)*+(?:'|\Z)|\"(?:[^\"\\]|\\.?)*+(?:\"|\Z)|//[^\n]*", re.DOTALL)
_NODE = re.compile(r"\(\s*+(\w*+)\s*+:\s*+`?(\w++)`?\s*+(\{[^{}]*+\})?\s*+\)")
_EDGE = re.compile(r"-\[\s*+\w*+\s*+:\s*+`?(\w++)`?[^\[\]]*+\]-")
_ACCESS = re.compile(r"(?<![\w.])(\w++)\.`?(\w++)`?(?!\s*+\()")
_MADE = re.compile(r"\bAS\s++(\w++)", re.IGNORECASE)


@dataclass
class Graph:
    labels: dict[str, frozenset[str]] = field(default_factory=dict)  # with the properties of each
    relations: set[str] = field(default_factory=set)


def remark(asked: str, answer: str) -> str | None:
    """The comment that says what is not there; None where all is, or where there is no schema."""
    known = graph(asked)
    return next((f"{MARK} {said}" for said in _missing(known, answer)), None) if known.labels else None


def graph(text: str) -> Graph:
    """The graph that a text describes."""
    made = Graph()
    for match in _LABEL.finditer(text):
        properties = _PROPERTY.findall(match[2])
        if properties:
            made.labels[match[1]] = frozenset(properties)
    for label, properties in _listed(text):
        made.labels[label] = frozenset(properties)
    for start, kind, end in _RELATION.findall(text):
        made.relations.add(kind)
        for label in (start, end):
            made.labels.setdefault(label, frozenset())
    return made


def _listed(text: str) -> Iterator[tuple[str, list[str]]]:
    """Labels as a list, each with the list of its properties below it."""
    label, properties = "", list[str]()
    for match in _LISTED.finditer(text):
        if match[1]:
            if properties:
                yield label, properties
            label, properties = match[1], []
        elif label:
            properties.append(match[2])
    if properties:
        yield label, properties


def _missing(known: Graph, answer: str) -> Iterator[str]:
    bare = _TEXTS.sub("''", answer)
    variables: dict[str, str] = {}
    for name, label, properties in _NODE.findall(bare):
        if label not in known.labels:
            yield f"there is no label {label}"
        else:
            variables.setdefault(name, label)
            yield from _unknown(known.labels, label, _PROPERTY.findall(properties.strip("{}")))
    if known.relations:
        yield from (f"there is no relationship {kind}" for kind in _EDGE.findall(bare) if kind not in known.relations)
    made = set(_MADE.findall(bare))
    for name, used in _ACCESS.findall(bare):
        if name in variables and name not in made:
            yield from _unknown(known.labels, variables[name], [used])


def _unknown(labels: Mapping[str, frozenset[str]], label: str, used: list[str]) -> Iterator[str]:
    """Properties that a label has not; of a label whose properties nobody told, any may be there."""
    known = labels[label]
    yield from (f"{label} has no property {name}" for name in used if known and name not in known)
