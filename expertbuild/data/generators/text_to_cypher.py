"""The task "answer this question with Cypher": a graph schema and a question, and the query that answers it.

Queries are in the canonical form of `cypher_questions`, so that an exact comparison means something; `facts.graph` is
the schema, for a scorer that runs them. A question about a property that no node has cannot be answered: a comment below the
query that was asked for says which. The base's corpus has schemas and queries, never a question beside its query.
"""

import random
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from hashlib import sha256

from expertbuild.data.generators.asked import Asker, NotHere
from expertbuild.data.generators.asking import UNANSWERABLE, asked_about
from expertbuild.data.generators.corpus.cypher_text import Graph, graph
from expertbuild.data.generators.cypher_questions import SAID, STRATA
from expertbuild.data.generators.phrases import Voice, sentence, spoken
from expertbuild.data.rows import Row

WEIGHTS = {"filter": 2.0, "relation": 2.0, "relation with condition": 2.0, "group": 1.5}
LABELS = (1, 1, 2, 2, 2, 2, 3)  # how many labels a graph has
QUESTION = "\0"  # where the question goes in a layout that several have


def draw(rng: random.Random, words: str = "train", phrasings: str = "train") -> Row:
    """One question with its query."""
    return next(draw_several(rng, 1, words, phrasings))


def draw_several(rng: random.Random, count: int, words: str = "train", phrasings: str = "train") -> Iterator[Row]:
    """Several questions about the same graph, shown in the same layout; sometimes the first has no answer."""
    lost = rng.random() < count * UNANSWERABLE
    while True:
        stratum = _kind(rng)
        one = graph(rng, words, labels=rng.choice(LABELS))
        ask = partial(_ask, stratum=stratum, graph=one, words=words, lost=lost)
        try:
            question, answer, one, layout = spoken(SAID, rng, phrasings, ask)
        except NotHere:
            continue
        break
    shown = one.text()
    yield _row(layout, shown, question, answer, "no such property" if lost else stratum)
    for _ in range(count - 1):
        yield _row(layout, shown, *_another(rng, one, words, phrasings))


def _kind(rng: random.Random) -> str:
    strata = list(STRATA)
    return rng.choices(strata, [WEIGHTS.get(name, 1.0) for name in strata])[0]


def _another(rng: random.Random, one: Graph, words: str, phrasings: str) -> tuple[str, str, str]:
    """A question about this graph with its answer and its kind, of the kinds that are asked about so many labels."""

    def ask(voice: Voice) -> tuple[str, str]:
        question, answer = STRATA[stratum](Asker(voice, words), one)
        return sentence(question), answer

    while True:
        stratum = _kind(rng)
        if rng.choice(LABELS) != len(one.labels):
            continue
        try:
            return *spoken(SAID, rng, phrasings, ask), stratum
        except NotHere:
            continue


def _row(layout: str, shown: str, question: str, answer: str, stratum: str) -> Row:
    asked = layout.replace(QUESTION, question)
    return {
        "id": "text_to_cypher-" + sha256(asked.encode()).hexdigest()[:16],
        "messages": [{"role": "user", "content": asked}],
        "answer": answer,
        "stratum": stratum,
        "facts": {"graph": shown},
        "group": sha256(shown.encode()).hexdigest()[:16],
    }


def _ask(voice: Voice, stratum: str, graph: Graph, words: str, lost: bool) -> tuple[str, str, Graph, str]:
    """The question, the answer, the graph as it is shown, and a layout with a place for the question."""
    question, answer = STRATA[stratum](Asker(voice, words), graph)
    if lost:
        graph, answer = _lost(voice.rng, graph, question, answer)
    layout = voice.say("layout", schema=graph.text(), question=QUESTION)
    return sentence(question), answer, graph, layout


def _lost(rng: random.Random, graph: Graph, question: str, query: str) -> tuple[Graph, str]:
    """The graph without one of the properties that are asked about, and the answer that says so."""
    every = [column for columns in graph.labels.values() for column in columns]
    owners = [*graph.labels, *(kind for _, kind, _ in graph.relations)]
    asked = asked_about(every, owners, question, set(re.findall(r"\.(\w+)", query)) - {"name"})
    able = [(label, column) for label, columns in graph.labels.items() for column in columns if column in asked]
    if not able:
        raise NotHere
    label, column = rng.choice(able)
    left = tuple(each for each in graph.labels[label] if each != column)
    return replace(
        graph, labels=graph.labels | {label: left}
    ), f"{query}\n// cannot: {label} has no property {column.name}"
