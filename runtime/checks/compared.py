"""Whether a query or code compares, orders and counts otherwise than the question says.

    "at least 5"   price <= 5          "from high to low"   ORDER BY price          "ends with s"   LIKE '%s%'

Only what a question says plainly counts, next to its number or text; an answer that does otherwise is doubted, never refused.
"""

import re
from collections.abc import Callable, Iterator, Mapping

_NUMBER = r"(-?\d[\d,]*+(?:\.\d++)?)(?![\w%])"
_THAN = {"more": "greater|more|higher|larger|bigger|longer|later", "less": "less|fewer|lower|smaller|shorter|earlier"}
_BEFORE: Mapping[str, str] = {  # words in front of a number
    ">": rf"(?:{_THAN['more']}) than|above|over|exceeds?|exceeding|beyond|>",
    "<": rf"(?:{_THAN['less']}) than|below|under|<",
    ">=": rf"at least|(?:no|not) (?:{_THAN['less']}) than|not (?:below|under)|>=|a minimum of",
    "<=": rf"at most|(?:no|not) (?:{_THAN['more']}) than|not (?:above|over)|<=|up to|a maximum of",
}
_BEHIND: Mapping[str, str] = {
    ">=": "or (?:more|greater|higher|larger|above|over|later)|and (?:more|above|up)",
    "<=": "or (?:less|fewer|lower|smaller|below|under|earlier)|and (?:less|below)",
}
_SAID = [
    *((sign, re.compile(rf"(?<![\w<>=])(?:{said}) (?:a |an )?\$?{_NUMBER}", re.I)) for sign, said in _BEFORE.items()),
    *((sign, re.compile(rf"(?<![\w.,-]){_NUMBER} (?:{said})\b(?! than)", re.I)) for sign, said in _BEHIND.items()),
]
_SIGN = r"(<=|>=|<>|[!=]==?|=|<|>)"
_RIGHT = re.compile(rf"(?<![-=<>!]){_SIGN} ?'?{_NUMBER}")
_LEFT = re.compile(rf"(?<![\w.,]){_NUMBER} ?{_SIGN}(?![-=>])")
_BETWEEN = re.compile(rf"\bBETWEEN {_NUMBER} AND {_NUMBER}", re.I)
_TURNED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}

_DOWN = re.compile(
    r"\b(?:descending|decreasing|falling|(?:highest|largest|biggest|greatest|newest|latest|longest) first"
    r"|from (?:the )?(?:high|large|big|great|new|late|long)\w* to|z to a)\b",
    re.I,
)
_UP = re.compile(
    r"\b(?:ascending|increasing|rising|(?:lowest|smallest|least|oldest|earliest|shortest) first"
    r"|from (?:the )?(?:low|small|old|early|earli|short)\w* to|a to z)\b",
    re.I,
)
_ENDS = re.compile(r"\b(?:ends?|ending) (?:with|in) (?:the )?(?:letters? )?[\"'\u201c]?([^\s\"'\u201d,?]++)", re.I)
_STARTS = re.compile(
    r"\b(?:starts?|starting|begins?|beginning) with (?:the )?(?:letters? )?[\"'\u201c]?([^\s\"'\u201d,?]++)", re.I
)
_AVERAGE = re.compile(r"\b(?:average|mean)\b", re.I)
_HOW_MANY = re.compile(r"\bhow many\b", re.I)
_LIST = re.compile(r"\b(?:SELECT|RETURN)\s++(?:DISTINCT\s++)?(.*?)(?:\s(?:FROM|ORDER|LIMIT|SKIP)\b|;|\Z)", re.I | re.S)


def compares(question: str, answer: str) -> bool:
    """Whether each number is compared as the question says; one that is not compared at all is another matter."""
    done = _signs(answer, _compared)
    return all(done[number] & signs for number, signs in wanted(question).items() if number in done)


def wanted(question: str) -> dict[float, set[str]]:
    """The numbers that a question wants things to be above or below, with the signs for it."""
    return _signs(question, _asked)


def queries(question: str, query: str) -> bool:
    """The same of SQL and Cypher, and of what they order, count and search for."""
    return (
        compares(question, query)
        and _ordered(question, query)
        and _counted(question, query)
        and _searched(question, query)
        and not any(_twice(found) for found in _LIST.findall(query))
    )


def downward(question: str) -> bool | None:
    """Which way the question wants things ordered, if it says so."""
    down, up = bool(_DOWN.search(question)), bool(_UP.search(question))
    return None if down == up else down


def _signs(text: str, found: Callable[[str], Iterator[tuple[str, str]]]) -> dict[float, set[str]]:
    signs: dict[float, set[str]] = {}
    for number, sign in found(text):
        signs.setdefault(float(number.replace(",", "")), set()).add(sign)
    return signs


def _asked(text: str) -> Iterator[tuple[str, str]]:
    taken: set[int] = set()  # "no more than 5" is found before "more than 5"
    for sign, said in sorted(_SAID, key=lambda one: one[0] in "<>"):
        for match in said.finditer(text):
            if match.end(1) not in taken:
                taken.add(match.end(1))
                yield match[1], sign


def _compared(text: str) -> Iterator[tuple[str, str]]:
    for match in _RIGHT.finditer(text):
        yield match[2], match[1]
    for match in _LEFT.finditer(text):
        yield match[1], _TURNED.get(match[2], match[2])
    for match in _BETWEEN.finditer(text):
        yield match[1], ">="
        yield match[2], "<="


def _ordered(question: str, query: str) -> bool:
    down, ordered = downward(question), re.search(r"\bORDER BY\b(.*)", query, re.I | re.S)
    return down is None or (ordered is not None and bool(re.search(r"\bDESC\b", ordered[1], re.I)) == down)


def _counted(question: str, query: str) -> bool:
    folded = query.lower()
    return not (_HOW_MANY.search(question) and "count" not in folded) and not (
        _AVERAGE.search(question) and not re.search(r"\bavg\b|average|mean", folded)
    )


def _searched(question: str, query: str) -> bool:
    """Whether a text that others end or begin with stands at their end or beginning."""
    ends, starts = _ENDS.findall(question), _STARTS.findall(question)
    return not any(f"%{text.rstrip('.')}%" in query for text in (*ends, *starts))


def _twice(listed: str) -> bool:
    """Whether a list of what is wanted has anything twice."""
    names = [name.strip() for name in listed.split(",")]
    return "(" not in listed and len({*names}) < len(names)
