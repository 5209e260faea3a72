"""Labels, relationships and properties of a query that the graph of the conversation has not.

    // cannot: Film has no property weight

The graph is read where it is written as `Film {title: STRING, year: INTEGER}` and `(:Person)-[:ACTED_IN]->(:Film)`, one to a
line, or as Neo4j lists it: `- **Film**`, and below it a line `- `title`: STRING` for each property. A variable without a label, or one that WITH made, may have any property.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from runtime.checks.compared import queries
from runtime.checks.finding import Finding, Missing
from runtime.checks.left_out import left_out

MARK = "// cannot:"

_LABEL = re.compile(r"^[ \t]*+(?:\(?:)?(\w++)\)?[ \t]*+\{([^{}\n]*+)\}[ \t]*+\)?[ \t]*+$", re.MULTILINE)
_LISTED = re.compile(r"^[ \t]*- \*\*(\w+)\*\*[ \t]*$|^[ \t]*- `(\w+)`:", re.MULTILINE)
_ENTRY = re.compile(r"^[ \t]*+- (?:\*\*\w++\*\*|`\w++`?:).*$|^(?:Node|Relationship) properties:", re.MULTILINE)
_PROPERTY = re.compile(r"(?:^|,)\s*+`?(\w++)`?\s*+:")
_RELATION = re.compile(r"\(:?(\w+)\)-\[:(\w+)\]->\(:?(\w+)\)")
_TEXTS = re.compile(r"'(?:[^'\\]|\\.?)*+(?:'|\Z)|\"(?:[^\"\\]|\\.?)*+(?:\"|\Z)|//[^\n]*", re.DOTALL)
_NODE = re.compile(r"\(\s*+(\w*+)\s*+:\s*+`?(\w++)`?\s*+(\{[^{}]*+\})?\s*+\)")
_EDGE = re.compile(r"-\[\s*+\w*+\s*+:\s*+`?(\w++)`?[^\[\]]*+\]-")
_ACCESS = re.compile(r"(?<![\w.$])(\w++)\.`?(\w++)`?(?!\s*+[.(])")
_BOUND = re.compile(r"[(\[]\s*+(\w++)")
_EACH = re.compile(r"\b(\w++)\s++IN\b|\b(\w++)\s*+=\s*+\(", re.IGNORECASE)  # of a list, of paths
_APART = re.compile(r"\b(?:UNION|EXISTS|CALL|COUNT\s*+\{|COLLECT\s*+\{)", re.IGNORECASE)  # variables of their own
_WORD = re.compile(r"\w++")
_STEP = re.compile(
    r"\(\s*+(\w*+)\s*+(?::\s*+`?(\w++)`?)?[^()]*+\)\s*+(<?)-\[\s*+\w*+\s*+:\s*+`?(\w++)`?[^\[\]*]*+\]-(>?)\s*+"
    r"(?=\(\s*+(\w*+)\s*+(?::\s*+`?(\w++)`?)?)"
)
_MADE = re.compile(r"\bAS\s++(\w++)", re.IGNORECASE)


@dataclass
class Graph:
    labels: dict[str, frozenset[str]] = field(default_factory=dict)  # with the properties of each
    relations: set[tuple[str, str, str]] = field(default_factory=set)  # from, type, to

    @property
    def kinds(self) -> set[str]:
        """The types of relationships."""
        return {kind for _, kind, _ in self.relations}


def look(told: Sequence[str], answer: str) -> Finding | None:
    """What is not there; None where all is, or where there is no schema. Doubted is what stands elsewhere in the graph, a
    query whose variables or relationships do not fit together, and one without something that the question names."""
    known = graph("\n".join(told))
    if not known.labels:
        return None
    bare = _TEXTS.sub("''", answer)
    properties = [name for each in known.labels.values() for name in each]
    names = [*known.labels, *properties]
    variables = _variables(bare)
    question = beside(told[-1])
    doubt = (
        not _drawn(known, bare, variables)
        or left_out(question, answer, names, _WORD.findall(bare))
        or not queries(question, answer)
    )
    for said, name in _missing(known, bare, variables):
        return Finding(f"{MARK} {said}", doubt=doubt or name in properties)
    return Finding() if doubt or not _fits(bare, variables) else None


@lru_cache(maxsize=16)
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
        made.relations.add((start, kind, end))
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


def _variables(bare: str) -> Mapping[str, str]:
    """The label of each variable; none where it has two, as one of a UNION, or of a query within."""
    labels: dict[str, str] = {}
    for name, label, _ in _NODE.findall(bare):
        labels[name] = label if labels.setdefault(name, label) == label else ""
    return labels


def _missing(known: Graph, bare: str, variables: Mapping[str, str]) -> Iterator[Missing]:
    for _, label, properties in _NODE.findall(bare):
        if label not in known.labels:
            yield f"there is no label {label}", label
        else:
            yield from _unknown(known.labels, label, _PROPERTY.findall(properties.strip("{}")))
    if kinds := known.kinds:
        for kind in _EDGE.findall(bare):
            if kind not in kinds:
                yield f"there is no relationship {kind}", kind
    made = set(_MADE.findall(bare))
    for name, used in _ACCESS.findall(bare):
        if variables.get(name) and name not in made:
            yield from _unknown(known.labels, variables[name], [used])


def _unknown(labels: Mapping[str, frozenset[str]], label: str, used: list[str]) -> Iterator[Missing]:
    """Properties that a label has not; of a label whose properties nobody told, any may be there."""
    known = labels[label]
    yield from ((f"{label} has no property {name}", name) for name in used if known and name not in known)


def _fits(bare: str, variables: Mapping[str, str]) -> bool:
    """Whether each variable has one label, and is bound somewhere before or after it is used."""
    if _APART.search(bare):
        return True
    if any(name and not label for name, label in variables.items()):
        return False
    bound = {
        *_BOUND.findall(bare),
        *_MADE.findall(bare),
        *(name for each in _EACH.findall(bare) for name in each),
    }
    return all(name in bound or name.isdigit() for name, _ in _ACCESS.findall(bare))


def _drawn(known: Graph, bare: str, variables: Mapping[str, str]) -> bool:
    """Whether each relationship between nodes with a label leads as one of the graph does."""
    kinds = known.kinds
    for name, label, back, kind, on, other, last in _STEP.findall(bare):
        start, end = label or variables.get(name, ""), last or variables.get(other, "")
        ways = {(start, kind, end)} if on or not back else set()
        ways |= {(end, kind, start)} if back or not on else set()
        if start and end and kind in kinds and not ways & known.relations:
            return False
    return True


def beside(text: str) -> str:
    """What a text says beside its graph."""
    return _RELATION.sub("\n", _ENTRY.sub("\n", _LABEL.sub("\n", text)))
