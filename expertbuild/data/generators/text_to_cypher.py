"""The task "answer this question with Cypher": a graph schema and a question, and the query that answers it.

Queries are in the canonical form of `cypher_questions`, so that an exact comparison means something; `facts.graph` is
the schema, for a scorer that runs them. A question about a property that no node has cannot be answered, and a comment says
which. The base's corpus has schemas and queries, never a question beside its query.
"""

import random
import re
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


def draw(rng: random.Random, words: str = "train", phrasings: str = "train") -> Row:
    """One question with its query."""
    strata = list(STRATA)
    lost = rng.random() < UNANSWERABLE
    while True:
        stratum = rng.choices(strata, [WEIGHTS.get(name, 1.0) for name in strata])[0]
        one = graph(rng, words, labels=rng.choice(LABELS))
        ask = partial(_ask, stratum=stratum, graph=one, words=words, lost=lost)
        try:
            asked, answer, shown = spoken(SAID, rng, phrasings, ask)
        except NotHere:
            continue
        return {
            "id": "text_to_cypher-" + sha256(asked.encode()).hexdigest()[:16],
            "messages": [{"role": "user", "content": asked}],
            "answer": answer,
            "stratum": "no such property" if lost else stratum,
            "facts": {"graph": shown},
            "group": sha256(shown.encode()).hexdigest()[:16],
        }


def _ask(voice: Voice, stratum: str, graph: Graph, words: str, lost: bool) -> tuple[str, str, str]:
    """The question with its schema, the answer, and the schema alone."""
    question, answer = STRATA[stratum](Asker(voice, words), graph)
    if lost:
        graph, answer = _lost(voice.rng, graph, question, answer)
    shown = graph.text()
    return voice.say("layout", schema=shown, question=sentence(question)), answer, shown


def _lost(rng: random.Random, graph: Graph, question: str, query: str) -> tuple[Graph, str]:
    """The graph without one of the properties that are asked about, and the answer that says so."""
    every = [column for columns in graph.labels.values() for column in columns]
    asked = asked_about(every, question, set(re.findall(r"\.(\w+)", query)) - {"name"})
    able = [(label, column) for label, columns in graph.labels.items() for column in columns if column in asked]
    if not able:
        raise NotHere
    label, column = rng.choice(able)
    left = tuple(each for each in graph.labels[label] if each != column)
    return replace(graph, labels=graph.labels | {label: left}), f"// cannot: {label} has no property {column.name}"
