"""Leave out a row whose question was there before, whatever its answer.

Two answers to one question teach nothing but doubt: the first one stays.
"""

from collections.abc import Iterable, Iterator
from hashlib import blake2b

from expertbuild.data.rows import Row, question
from expertbuild.data.transforms import Bench, Spec

OPTIONS = ()


def apply(rows: Iterable[Row], spec: Spec, bench: Bench) -> Iterator[Row]:
    seen: set[bytes] = set()
    for row in rows:
        key = blake2b(question(row).encode(), digest_size=12).digest()
        if key in seen:
            bench.drop("dedup_exact", "the same question again", row)
            continue
        seen.add(key)
        yield row
