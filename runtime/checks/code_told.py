"""Whether the fields of a type are as a text tells them: optional ones, many of one, texts, numbers, truths.

    a weight (number) if it is known, many parts (text)      weight: float | None, parts: list[str]

A text is read clause by clause; of a field that shares its clauses with others, or is named in several, nothing is said.
"""

import re
from collections.abc import Iterator, Sequence

from runtime.checks.code_types import Field
from runtime.checks.words import running, said_as

_CODE = re.compile(r"[{}<>]|\w: \w+\[")
_INNER = re.compile(r"\([^()\n]*+\)")
_END = re.compile(r"[\n;,]|[.:!?](?=\s|$)|\band\b")
_ENDS = "\n.!?"
_HEDGE = re.compile(
    r"\b(?:optional|optionally|perhaps|maybe|possibly|sometimes|nullable)\b"
    r"|\bif (?:it is |they are )?(?:known|given|set|present|there)\b|\bif (?:there (?:is|are) )?(?:one|any)\b",
    re.IGNORECASE,
)
_MAY_BE = re.compile(
    r"\b(?:if|when|unless|may|might|can|or|not|null|none|empty|missing|without|default)\b|\?", re.IGNORECASE
)
_MANY = re.compile(r"\b(?:any number of|many|several|multiple|some|lists?|arrays?)\b|\[\]", re.IGNORECASE)
_FILLED = re.compile(r"\b(?:each|which|that|it|is|are|of|as|an?|the|one|type|values?)\b", re.IGNORECASE)
_KINDS: Sequence[tuple[type, re.Pattern[str]]] = (  # the words of one are not read as those of another below it
    (bool, re.compile(r"\b(?:bool|boolean|flag|yes or no|true or false|if it is|whether)\b", re.IGNORECASE)),
    (int, re.compile(r"\b(?:int|integers?|whole numbers?)\b", re.IGNORECASE)),
    (float, re.compile(r"\b(?:floats?|decimals?|numbers?)\b", re.IGNORECASE)),
    (str, re.compile(r"\b(?:strings?|texts?)\b", re.IGNORECASE)),
)


def tells(text: str, fields: Sequence[Field]) -> bool:
    """Whether no field is otherwise than the text says, unless it has code in it."""
    return _CODE.search(text) is not None or all(
        _is_so(field, _without(clause, field.name)) for field, clause in _told(text, fields)
    )


def _told(text: str, fields: Sequence[Field]) -> Iterator[tuple[Field, str]]:
    """Fields with the clauses that are about each: the one that names it, and those behind it that name none."""
    names = {field.name: running(field.name) for field in fields}
    told: dict[str, list[str]] = {name: [] for name in names}
    shared: set[str] = set()
    about: list[str] = []
    for clause, ends in _clauses(text):
        words = running(clause)
        here = [name for name, run in names.items() if run in words]
        if not (here or _says_how(clause)):
            about = []
        shared |= {name for name in here if told[name] or len(here) > 1}
        about = here or about
        for name in about:
            told[name].append(clause)
        about = [] if ends else about
    return ((field, " ".join(told[field.name])) for field in fields if told[field.name] and field.name not in shared)


def _says_how(clause: str) -> bool:
    """Whether a clause tells of a field, and nothing else: `each a whole number`, `optional`."""
    for words in (_HEDGE, _MANY, *(words for _, words in _KINDS), _FILLED):
        clause = words.sub(" ", clause)
    return not clause.strip(" -=:*")


def _clauses(text: str) -> Iterator[tuple[str, bool]]:
    """A text in pieces, and whether a line or sentence ends with each. What is in brackets stays with what is before it."""
    whole, begun = _INNER.sub(lambda match: _END.sub(" ", match[0][1:-1]).join("  "), text), 0
    for match in _END.finditer(whole):
        yield whole[begun : match.start()], match[0] in _ENDS
        begun = match.end()
    yield whole[begun:], True


def _without(clause: str, name: str) -> str:
    """A clause without the name that it is about, which may be a word for a kind."""
    said = said_as(name)
    return re.sub(rf"\b{said}\b", " ", clause, count=1, flags=re.IGNORECASE) if said else clause


def _is_so(field: Field, clause: str) -> bool:
    many, hedged = bool(_MANY.search(clause)), bool(_HEDGE.search(clause))
    kinds, rest = set(), _HEDGE.sub(" ", _MANY.sub(" ", clause))
    for kind, words in _KINDS:
        if words.search(rest):
            kinds.add(kind)
            rest = words.sub(" ", rest)
    if field.may_lack != hedged and (hedged or not _MAY_BE.search(rest)):
        return False
    return not kinds or (field.many == many and (len(kinds) > 1 or kinds <= field.kinds))
