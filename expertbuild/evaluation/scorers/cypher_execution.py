"""Right is a query that gives what the expected query gives, on several random graphs.

Rows count as a multiset, columns in any order; the order of rows counts where the expected query sorts, as far as it
is determined. Graphs are drawn from the schema in `facts.graph` and from both queries' own values, so that `> 5` and
`>= 5` differ on them. The engine is ladybug, embedded, in a process of its own (see `cypher_box`): a query that it
cannot run fails its case, and nothing else.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from expertbuild.evaluation.scorers import Score
from expertbuild.evaluation.scorers.cypher_box import BOX, CypherFailed, Rows, check
from expertbuild.evaluation.scorers.cypher_graphs import SchemaUnread, graph, literals, script
from expertbuild.evaluation.scorers.cypher_match import canonical
from expertbuild.evaluation.scorers.cypher_tokens import CypherUnread, Token, quoted, tokens, unfenced
from expertbuild.evaluation.scorers.declined import above, declined, declines
from expertbuild.evaluation.scorers.line_worker import WorkerLost
from expertbuild.evaluation.scorers.sql_execution import same

TRIES = 3  # rounds of drawing graphs, when those of the first say nothing


@dataclass(frozen=True)
class Seen:
    """One graph: what the expected query gives on it, and what the given one gives or why it fails."""

    expected: Rows
    ordered: bool
    given: Rows | CypherFailed


def score(answer: str, row: Mapping[str, Any], graphs: int = 4, seconds: float = 10.0) -> Score:
    query = unfenced(answer)
    if not query:
        return Score(0.0, "no query")
    if (said := declined(query, row["answer"])) is not None:
        return said
    try:
        given = _read(query)
        check(given)
    except (CypherUnread, CypherFailed) as error:
        return Score(0.0, f"fails: {error}")
    try:
        expected = _read(row["answer"])
        if canonical(query) == canonical(row["answer"]):
            return Score(1.0, "the expected query itself")
        seen = _seen(row["facts"]["graph"], given, expected, graphs, seconds)
    except (KeyError, SchemaUnread) as error:
        return Score(0.0, f"the case has no schema that can be read: {error}")
    except (CypherUnread, CypherFailed) as error:
        return Score(0.0, f"the expected query fails: {error}")
    except WorkerLost as error:
        return Score(0.0, f"fails: {error}")
    if not seen:
        return Score(0.0, "no graph decides this case: the expected query's result is open on each")
    for each in seen:
        if isinstance(each.given, CypherFailed):
            return Score(0.0, f"fails: {each.given}")
        if not same(each.given, each.expected, ordered=each.ordered):
            return Score(0.0, f"gives {_told(each.given)} instead of {_told(each.expected)}")
    return Score(1.0, f"the same rows on {len(seen)} graphs")


def well_formed(answer: str) -> bool:
    """Whether the engine's parser reads it as a query; the labels it names are not asked for."""
    query = unfenced(answer)
    if declines(query):
        return True
    try:
        found = _read(above(query))
        check(found)
        [[said]] = BOX.run([[]], [quoted(found)], 10.0)
    except (CypherUnread, CypherFailed, WorkerLost):
        return False
    return not (isinstance(said, CypherFailed) and str(said).startswith("Parser exception"))


def _read(query: str) -> list[Token]:
    found = tokens(query)
    return found[:-1] if found and found[-1].text == ";" else found


def _seen(schema: str, given: Sequence[Token], expected: Sequence[Token], wanted: int, seconds: float) -> list[Seen]:
    """What both queries give on graphs where the expected one says something; ties leave no choice of rows open."""
    one, values = graph(schema), literals(given, expected)
    rng = random.Random(repr([token.text for token in (*expected, *given)]))
    sorts = any(token.kind == "keyword" and token.text in ("ORDER", "LIMIT") for token in expected)
    telling: list[Seen] = []
    others: list[Seen] = []
    for number in range(TRIES):
        scripts = [
            script(one, values, rng, nulls=each % 2 == 1, distinct=sorts and (each + number) % 3 < 2)
            for each in range(wanted)
        ]
        both = BOX.run([first for first, _ in scripts], [quoted(expected), quoted(given)], seconds)
        again = BOX.run([second for _, second in scripts], [quoted(expected)], seconds) if sorts else both
        for (rows, answer), (turned, *_) in zip(both, again, strict=True):
            if isinstance(rows, CypherFailed):
                raise rows
            if isinstance(turned, CypherFailed) or not same(rows, turned, ordered=False):
                continue  # ties decide which rows a LIMIT keeps
            settled = sorts and rows == turned
            tells = settled and len(rows) > 1 if sorts else bool(rows)
            (telling if tells else others).append(Seen(rows, settled, answer))
        if len(telling) > 1:
            break
    return [*telling, *others[: 1 if telling else wanted]]


def _told(rows: Rows) -> str:
    shown = ", ".join(str(row) for row in rows[:2])
    return f"{len(rows)} rows ({shown}{', …' if len(rows) > 2 else ''})"[:160] if rows else "no rows"
