"""Whether a function does what was asked the way round that it was asked: sorts, compares, adds up."""

import re
from collections.abc import Sequence

from runtime.checks.code_types import Type
from runtime.checks.compared import compares, downward

_SORTS = re.compile(r"\bsort(?:ed|_by|_by_key|_unstable_by)?\(")
_REVERSED = re.compile(
    r"\breverse=True|\breverse\(|\bReverse\(|\bb\.[\w.]++ - a\.|\bb\.\w++\.(?:total_|partial_)?cmp\(&a|\.localeCompare\(a"
)
_SUM = re.compile(r"-> ([if])\d++ \{\n[^\n]*+\n\}")
_SUMMED = re.compile(r"\.(\w++)\)\.sum\(\)")


def does(question: str, code: str, given: Sequence[Type]) -> bool:
    """Whether nothing in the code is the other way round. `given`: the types whose fields it has to do with."""
    return compares(question, code) and _sorts(question, code) and _sums(code, given)


def _sorts(question: str, code: str) -> bool:
    """Whether code sorts the way round that the question says."""
    down = downward(question) if _SORTS.search(code) else None
    return down is None or down == bool(_REVERSED.search(code))


def _sums(code: str, given: Sequence[Type]) -> bool:
    """Whether what Rust adds up are numbers of the kind that it returns."""
    kinds = {field.name: field.kinds for one in given for field in one.fields}
    for match in _SUM.finditer(code):
        wanted = int if match[1] == "i" else float
        if any(wanted not in kinds.get(name, {wanted}) for name in _SUMMED.findall(match[0])):
            return False
    return True
