"""Right is the expected Cypher query, whatever its blanks, the case of its keywords, and the names of its variables.

Also the same: a one-way relationship written from the other side, `!=` for `<>`, double quotes for single ones, 2.0 for
2, names in backticks, a last semicolon, and a code fence around all of it. Nothing else is: conditions in another
order count as another query, since no engine is asked (`cypher_execution` asks one).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from expertbuild.evaluation.scorers import Score
from expertbuild.evaluation.scorers.cypher_tokens import CypherUnread, Token, tokens, unfenced
from expertbuild.evaluation.scorers.declined import above, declined, declines

_CLOSING = {"(": ")", "[": "]"}


def score(answer: str, row: Mapping[str, Any]) -> Score:
    query = unfenced(answer)
    if not query:
        return Score(0.0, "no query")
    if (said := declined(query, row["answer"])) is not None:
        return said
    try:
        given = canonical(query)
    except CypherUnread as error:
        return Score(0.0, f"is not Cypher: {error}")
    try:
        expected = canonical(row["answer"])
    except CypherUnread as error:
        return Score(0.0, f"the expected query is not Cypher: {error}")
    if given == expected:
        return Score(1.0, "equal")
    place = next((n for n, pair in enumerate(zip(given, expected, strict=False)) if pair[0] != pair[1]), None)
    if place is None:
        return Score(0.0, "ends too soon" if len(given) < len(expected) else "goes on too long")
    return Score(0.0, f"has {given[place]} instead of {expected[place]}"[:200])


def well_formed(answer: str) -> bool:
    """Whether every word of it is one of Cypher's; whether they make a query, only an engine knows."""
    query = unfenced(answer)
    try:
        return declines(query) or bool(canonical(above(query)))
    except CypherUnread:
        return False


def canonical(query: str) -> list[str]:
    """The query as a list of words that equal queries share."""
    found = tokens(query)
    if found and found[-1].text == ";":
        found = found[:-1]
    return _renamed(_pointing_right(found))


def _renamed(found: Sequence[Token]) -> list[str]:
    """Variables and aliases by the order in which they come up."""
    names: dict[str, str] = {}
    words = []
    for token in found:
        if token.kind == "variable":
            words.append(names.setdefault(token.text, f"${len(names) + 1}"))
        else:
            words.append(token.text)
    return words


def _pointing_right(found: Sequence[Token]) -> list[Token]:
    """A pattern of two nodes with its arrow from left to right: (b)<-[:R]-(a) is (a)-[:R]->(b)."""
    closed = _closed(found)
    made: list[Token] = []
    place = 0
    while place < len(found):
        parts = _two_nodes(found, place, closed)
        if parts is None:
            made.append(found[place])
            place += 1
            continue
        first, link, second = parts
        if found[first[1]].text == "<":  # the arrow's head comes right after the first node
            dash, head = Token("sign", "-"), Token("sign", ">")
            made += [*found[slice(*second)], dash, *found[slice(*link)][2:-1], dash, head, *found[slice(*first)]]
        else:
            made += found[place : second[1]]
        place = second[1]
    return made


Span = tuple[int, int]


def _two_nodes(found: Sequence[Token], start: int, closed: Mapping[int, int]) -> tuple[Span, Span, Span] | None:
    """The spans of node, link and node of a pattern that begins here and has just these."""
    if found[start].text != "(" or (start and found[start - 1].text in ("-", ">")):
        return None
    first = closed.get(start)
    if first is None or first >= len(found) or found[first].text not in ("-", "<"):
        return None
    place = _past_arrow(found, first)
    if place < len(found) and found[place].text == "[":
        if place not in closed:
            return None
        place = _past_arrow(found, closed[place])
    end = closed.get(place) if place < len(found) and found[place].text == "(" else None
    if end is None or (end < len(found) and found[end].text in ("-", "<")):
        return None
    return (start, first), (first, place), (place, end)


def _past_arrow(found: Sequence[Token], place: int) -> int:
    while place < len(found) and found[place].text in ("-", "<", ">"):
        place += 1
    return place


def _closed(found: Sequence[Token]) -> dict[int, int]:
    """For each bracket that opens and is closed, by its place: the place after the one that closes it."""
    open_: dict[str, list[int]] = {")": [], "]": []}
    closed = {}
    for place, token in enumerate(found):
        if token.text in _CLOSING:
            open_[_CLOSING[token.text]].append(place)
        elif open_.get(token.text):
            closed[open_[token.text].pop()] = place + 1
    return closed
