"""The task "answer this question with Cypher": a graph schema and a question, and the query that answers it.

Queries are in the canonical form of `cypher_questions`, so that an exact comparison means something; `facts.graph` is
the schema, for a scorer that runs them. The base's corpus has schemas and queries, never a question beside its query.
"""

import random
from functools import partial
from hashlib import sha256

from expertbuild.data.generators.asked import Asker, NotHere
from expertbuild.data.generators.corpus.cypher_text import Graph, graph
from expertbuild.data.generators.cypher_questions import SAID, STRATA
from expertbuild.data.generators.phrases import Voice, sentence, spoken
from expertbuild.data.rows import Row

WEIGHTS = {"filter": 2.0, "relation": 2.0, "relation with condition": 2.0, "group": 1.5}
LABELS = (1, 1, 2, 2, 2, 2, 3)  # how many labels a graph has


def draw(rng: random.Random, words: str = "train", phrasings: str = "train") -> Row:
    """One question with its query."""
    strata = list(STRATA)
    while True:
        stratum = rng.choices(strata, [WEIGHTS.get(name, 1.0) for name in strata])[0]
        one = graph(rng, words, labels=rng.choice(LABELS))
        try:
            asked, query = spoken(SAID, rng, phrasings, partial(_ask, stratum=stratum, graph=one, words=words))
        except NotHere:
            continue
        return {
            "id": "text_to_cypher-" + sha256(asked.encode()).hexdigest()[:16],
            "messages": [{"role": "user", "content": asked}],
            "answer": query,
            "stratum": stratum,
            "facts": {"graph": one.text()},
            "group": sha256(one.text().encode()).hexdigest()[:16],
        }


def _ask(voice: Voice, stratum: str, graph: Graph, words: str) -> tuple[str, str]:
    question, query = STRATA[stratum](Asker(voice, words), graph)
    return voice.say("layout", schema=graph.text(), question=sentence(question)), query
