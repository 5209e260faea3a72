"""Words of a question that could be meant as a name which the schema has not."""

import re
from collections.abc import Iterable, Iterator, Sequence

from runtime.checks.words import parts, stem

LONGEST = 3  # words of one name
MOST_WORDS = 400  # that are looked at, the last ones

_COMMON = frozenset(  # in no name
    {
        *("a", "about", "above", "according", "across", "after", "again", "all", "along", "alphabetical"),
        *("also", "among", "an", "and", "another", "any", "are", "arrange", "arranged", "as", "ascending"),
        *("at", "be", "because", "been", "before", "begin", "begins", "being", "below", "between", "both"),
        *("but", "by", "called", "can", "contain", "containing", "contains", "could", "decreasing"),
        *("descending", "did", "different", "display", "do", "does", "down", "each", "either", "ending"),
        *("ends", "equals", "every", "everything", "exactly", "except", "fetch", "few", "fewest"),
        *("find", "for", "from", "get", "give", "given", "greater", "grouped", "had", "has", "have", "having"),
        *("help", "her", "here", "his", "how", "i", "if", "in", "including", "increasing", "into", "is", "it"),
        *("its", "just", "know", "least", "less", "let", "like", "look", "many", "matches"),
        *("me", "more", "most", "much", "my", "named", "need", "no", "none", "nor", "not", "null", "of", "on"),
        *("one", "ones", "only", "or", "ordered", "other", "our", "out", "over", "per", "please", "retrieve"),
        *("return", "same", "see", "select", "show", "smallest", "so", "some", "sort", "sorted"),
        *("starting", "starts", "tell", "than", "that", "the", "their", "them", "then", "there", "these"),
        *("they", "this", "those", "to", "together", "under", "up", "us", "was", "we", "were", "what", "when"),
        *("where", "whether", "which", "who", "whole", "whose", "will", "with", "within", "without", "would"),
        *("write", "you", "your"),
    }
)
_ENDS = frozenset({"at", "on"})  # in a name at its end: opened_on
_NO_NAME = frozenset(  # in a name only beside other words
    {
        *("average", "biggest", "case", "count", "counts", "distinct", "equal", "first", "graph", "group"),
        *("highest", "large", "largest", "last", "list", "lowest", "match", "maximum", "mean", "minimum"),
        *("number", "order", "query", "question", "records", "row", "rows", "schema", "set", "start", "sum"),
        *("table", "tables", "top", "total", "unique", "value", "values"),
    }
)


def missing(asked: str, known: Iterable[str], owners: Iterable[str] = ()) -> list[tuple[str, ...]]:
    """Runs of words that are no part of a known name, and none of those that have it: none is a word of any question, nor
    are all such as make no name."""
    there = [{stem(part) for part in parts(name)} for name in known]
    having = [{stem(part) for part in parts(name)} for name in owners]
    found: dict[tuple[str, ...], None] = {}
    for run in runs(asked):
        stems = {stem(word) for word in run}
        if not set(run) <= _NO_NAME and not any(stems <= name for name in there) and stems not in having:
            found[run] = None
    return [*found]


def runs(asked: str) -> Iterator[tuple[str, ...]]:
    """Words that follow each other and could be one name: the last is none of those that stand in any question."""
    for words in _lines(asked):
        for begin in range(len(words)):
            for end in range(begin + 1, min(begin + LONGEST, len(words)) + 1):
                run = tuple(words[begin:end])
                if run[-1] in _COMMON and (len(run) == 1 or run[-1] not in _ENDS):
                    break
                yield run


def _lines(asked: str) -> Iterator[Sequence[str]]:
    """Words that follow each other with nothing but blanks or underscores between."""
    left = MOST_WORDS
    for text in reversed(re.split(r"[^\w \t]+", asked)):
        words = parts(text)[-left:]
        left -= len(words)
        if words:
            yield words
        if left <= 0:
            return
