"""Whether a function does what was asked the way round that it was asked: sorts, compares, adds up."""

import re
from collections.abc import Sequence

from runtime.checks.code_types import Type
from runtime.checks.compared import compares, downward

_SORTS = re.compile(r"\bsort(?:ed|_by|_by_key|_unstable_by)?\(")
_CALLED_SORT = re.compile(r"sort\w*+\(")
_FUNCTION = re.compile(r"\b(?:def|function|fn)\b")
_TO_SORT = re.compile(r"(?<!\.)\b(?:sorts?(?!\()|sorted (?:by|in)|order(?:s|ed)? (?:\w+ ){0,4}by)\b", re.I)
_SOME_WAY = re.compile(
    r"\b(?:high|larg|big|great|new|late|long|most|top|rever|desc|decreas|fall|down|last|best|first|old|back)", re.I
)
_REVERSED = re.compile(
    r"\breverse=True|\breverse\(|\bReverse\(|\bb\.[\w.]++ - a\.|\bb\.\w++\.(?:total_|partial_)?cmp\(&a|\.localeCompare\(a"
)
_SUM = re.compile(r"-> ([if])\d++ \{\n[^\n]*+\n\}")
_SUMMED = re.compile(r"\.(\w++)\)\.sum\(\)")


def does(question: str, code: str, given: Sequence[Type]) -> bool:
    """Whether nothing in the code is the other way round. `given`: the types whose fields it has to do with."""
    return compares(question, code) and _sorts(question, code) and _sums(code, given)


def _sorts(question: str, code: str) -> bool:
    """Whether code sorts, where a function is to do that, and the way round that the question says: upwards by itself."""
    asked = bool(_TO_SORT.search(question))
    if asked and _FUNCTION.search(code) and not _CALLED_SORT.search(code):
        return False
    if not _SORTS.search(code):
        return True
    down = downward(question)
    if down is None and asked and not _SOME_WAY.search(question):
        down = False
    return down is None or down == bool(_REVERSED.search(code))


def _sums(code: str, given: Sequence[Type]) -> bool:
    """Whether what Rust adds up are numbers of the kind that it returns."""
    kinds = {field.name: field.kinds for one in given for field in one.fields}
    for match in _SUM.finditer(code):
        wanted = int if match[1] == "i" else float
        if any(wanted not in kinds.get(name, {wanted}) for name in _SUMMED.findall(match[0])):
            return False
    return True
