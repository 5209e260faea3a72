"""Cypher as words: keywords, names, variables, values and signs, each in one spelling.

Enough to compare two queries and to put names in backticks for an engine; whether the query is one, the engine knows.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

LONGEST_QUERY = 20_000

_KEYWORDS = """
ALL AND ANY AS ASC ASCENDING BY CALL CASE CONTAINS CREATE DELETE DESC DESCENDING DETACH DISTINCT ELSE END ENDS
EXISTS FALSE FOREACH IN IS LIMIT MATCH MERGE NONE NOT NULL OPTIONAL OR ORDER REMOVE RETURN SET SINGLE SKIP STARTS
THEN TRUE UNION UNWIND WHEN WHERE WITH XOR YIELD
"""
KEYWORDS = frozenset(_KEYWORDS.split())
_OPENING, _CLOSING = frozenset("{[("), frozenset("}])")
_SPELLED = {"ASCENDING": "ASC", "DESCENDING": "DESC"}

_TOKEN = re.compile(
    r"""
    (?P<blank>\s+|//[^\n]*|/\*.*?\*/)
    |(?P<string>'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.)*")
    |(?P<quoted>`[^`]+`)
    |(?P<number>\d+\.\d+|\d+)
    |(?P<word>[^\W\d]\w*)
    |(?P<sign><>|!=|=~|<=|>=|\.\.|[-<>=+*/%^.,:;|(){}\[\]$])
    """,
    re.VERBOSE | re.DOTALL,
)


class CypherUnread(Exception):
    """Text with something in it that Cypher has no word for."""


@dataclass(frozen=True)
class Token:
    kind: str  # keyword, name (of a label, type or property), function, variable, string, number or sign
    text: str
    apart: bool = field(default=False, compare=False)  # whether a blank stood before it


def unfenced(answer: str) -> str:
    """The query in an answer; a code fence around all of it is let pass."""
    text = answer.strip()
    if text.startswith("```") and text.endswith("```") and "\n" in text:
        text = text[text.index("\n") : -3].strip()
    return text


def tokens(query: str) -> list[Token]:
    """The words of a query, without blanks and comments."""
    raw = list(_raw(query))
    made: list[Token] = []
    brackets: list[str] = []  # that are open
    maps = False  # whether any has been
    for place, (kind, text, apart) in enumerate(raw):
        before = made[-1].text if made else ""
        after = raw[place + 1][1] if place + 1 < len(raw) else ""
        if kind in ("word", "quoted"):
            token = _word(kind, text, before, after, in_map=brackets[-1:] == ["{"], maps=maps)
        elif kind == "string":
            token = Token("string", _string(text))
        elif kind == "number":
            token = Token("number", f"{float(text):.15g}" if len(text) < 300 else text)
        else:
            token = Token("sign", "<>" if text == "!=" else text)
        made.append(replace(token, apart=apart))
        maps = maps or token.text == "{"
        if token.kind == "sign" and token.text in _OPENING:
            brackets.append(token.text)
        elif token.kind == "sign" and token.text in _CLOSING and brackets:
            brackets.pop()
    return made


def quoted(found: Sequence[Token]) -> str:
    """The query again, every name in backticks: an engine may keep words to itself that others use as names."""
    words = []
    for token in found:
        text = f"`{token.text}`" if token.kind in ("name", "variable") else token.text
        words.append(f" {text}" if token.apart else text)
    return "".join(words).strip()


def _raw(query: str) -> Iterator[tuple[str, str, bool]]:
    if len(query) > LONGEST_QUERY:
        raise CypherUnread("it is too long")
    place, apart = 0, False
    while place < len(query):
        match = _TOKEN.match(query, place)
        if match is None:
            raise CypherUnread(f"{query[place : place + 20]!r} is no word of it")
        assert match.lastgroup
        if match.lastgroup != "blank":
            yield match.lastgroup, match.group(), apart
        apart = match.lastgroup == "blank"
        place = match.end()


def _word(kind: str, text: str, before: str, after: str, *, in_map: bool, maps: bool) -> Token:
    """`in_map`: whether a colon here stands between a key and its value; `maps`: whether there is one in the query so far."""
    bare = text[1:-1] if kind == "quoted" else text
    if before == "." or (before in (":", "|") and not in_map):
        return Token("name", bare)
    upper = text.upper()
    if kind == "word" and upper in KEYWORDS:
        return Token("keyword", _SPELLED.get(upper, upper))
    if after == "(" and kind == "word":
        return Token("function", text.lower())
    if after == ":" and before in ("{", ",") and maps:
        return Token("name", bare)
    return Token("variable", bare)


def _string(text: str) -> str:
    """Text in single quotes, escapes resolved as far as they say the same."""
    inner = text[1:-1]
    if text[0] == "'":
        inner = inner.replace("''", "'")
    inner = re.sub(r"\\(['\"\\])", r"\1", inner)
    return "'" + inner.replace("\\", "\\\\").replace("'", "\\'") + "'"
