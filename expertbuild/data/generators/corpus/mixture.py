"""The corpus as one seeded stream: which field comes next, and how often.

The stream is cut into numbered blocks, each with a seed of its own, so that workers can write
blocks in any order and the corpus stays the same.
"""

import random
from collections.abc import Callable, Iterator

from expertbuild.data.generators.corpus import (
    arithmetic,
    copying,
    cypher_text,
    english,
    json_text,
    linking,
    paraphrase,
    python_text,
    records,
    rust_text,
    sql_text,
    typescript_text,
)

Chat = list[dict[str, str]]
Document = str | Chat

FIELDS: dict[str, Callable[[random.Random], Document]] = {
    "copying": copying.sample,
    "records": records.sample,
    "json": json_text.sample,
    "sql": sql_text.sample,
    "cypher": cypher_text.sample,
    "python": python_text.sample,
    "typescript": typescript_text.sample,
    "rust": rust_text.sample,
    "english": english.sample,
    "paraphrase": paraphrase.sample,
    "linking": linking.sample,
    "arithmetic": arithmetic.sample,
}


def block(weights: dict[str, float], documents: int, seed: str) -> Iterator[tuple[str, Document]]:
    """`documents` pairs of field and document; the same for the same seed, on any machine."""
    rng = random.Random(seed)
    names = sorted(weights)
    shares = [weights[name] for name in names]
    for _ in range(documents):
        name = rng.choices(names, shares)[0]
        yield name, FIELDS[name](rng)
