"""Names for Cypher: what the graph schema of a conversation names, and properties that it asks for without having them."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from runtime.binding.asked import missing
from runtime.checks.cypher_names import beside, graph
from runtime.checks.words import camel, running
from runtime.engine.gbnf_narrowed import Said

_KINDS = re.compile(r"\[\w*+:((?:`[^`\n]++`|[\w|:])++)")
_QUOTED = re.compile(r"`([^`\n]++)`")
_LISTED = re.compile(r"^[ \t]*+- (?:\*\*)?`([^`\n]++)`", re.MULTILINE)


def labels(told: Sequence[str]) -> Said:
    """The labels that there are."""
    asked = "\n".join(told)
    known = graph(asked).labels
    return _either([*known, *_QUOTED.findall(asked)] if known else [])


def relationships(told: Sequence[str]) -> Said:
    """The types of relationships that there are, whichever way they are drawn."""
    asked = "\n".join(told)
    drawn = (kind.strip("`") for kinds in _KINDS.findall(asked) for kind in re.split(r"[|:]+", kinds))
    kinds = graph(asked).kinds
    return _either([*sorted(kinds), *filter(None, drawn)] if kinds else [])


def properties(told: Sequence[str]) -> Said:
    """The properties that there are; and what could be meant as one that is not, so that it can be said and then be told."""
    asked = "\n".join(told)
    known = graph(asked)
    named = sorted({name for each in known.labels.values() for name in each})
    if not named:
        return Said()
    named += _LISTED.findall(asked)
    runs = missing(asked, named, [*known.labels, *known.kinds])
    return Said((*_either(named).texts, *("_".join(run) for run in runs), *(camel(run) for run in runs)))


def variables(told: Sequence[str]) -> Said:
    """The first letter of each label, with a number where two begin alike; no bare letter if both are asked for."""
    asked = "\n".join(told)
    known, words = graph(asked).labels, running(beside(asked))
    letters = Counter(label[0].lower() for label in known if running(label) in words)
    first = dict.fromkeys(label[0].lower() for label in known if label[0].isalpha())
    bare = [letter for letter in first if letters[letter] < 2]
    return Said((*bare, *(f"{letter}{number}" for letter in first for number in (1, 2, 3))))


def _either(names: Iterable[str]) -> Said:
    """As they are, and quoted."""
    return Said(tuple(spelled for name in dict.fromkeys(names) for spelled in (name, f"`{name}`")))
