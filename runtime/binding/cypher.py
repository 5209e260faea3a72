"""Names for Cypher: what the graph schema of a conversation names, and properties that it asks for without having them."""

from collections.abc import Sequence

from runtime.binding.asked import missing
from runtime.checks.cypher_names import graph
from runtime.engine.gbnf_narrowed import Said


def labels(told: Sequence[str]) -> Said:
    """The labels that there are."""
    return Said(tuple(graph("\n".join(told)).labels))


def relationships(told: Sequence[str]) -> Said:
    """The types of relationships that there are."""
    return Said(tuple(sorted(graph("\n".join(told)).relations)))


def properties(told: Sequence[str]) -> Said:
    """The properties that there are; and what could be meant as one that is not, so that it can be said and then be told."""
    asked = "\n".join(told)
    known = graph(asked)
    spelled = sorted({name for each in known.labels.values() for name in each})
    if not spelled:
        return Said()
    runs = missing(asked, spelled, [*known.labels, *known.relations])
    return Said((*spelled, *("_".join(run) for run in runs), *(_camel(run) for run in runs)))


def _camel(words: Sequence[str]) -> str:
    return words[0] + "".join(word.capitalize() for word in words[1:])
