"""How many of each kind may stay, and which: for the transforms that balance and mix.

Which rows stay is decided by a number drawn from the seed and the row's id, so it depends on no order of anything, and
a row that stayed stays when others are added, as far as there is room.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import blake2b
from heapq import nsmallest
from typing import Any

from expertbuild.data.parts import part
from expertbuild.data.rows import Row
from expertbuild.data.spool import Spool
from expertbuild.data.transforms import Bench

Counts = Mapping[str, int]


def kept_by_share(
    rows: Iterable[Row],
    by: str,
    bench: Bench,
    transform: str,
    shares: Callable[[Counts], Mapping[str, tuple[int, str]]],
) -> Iterator[Row]:
    """As many rows of each kind as `shares` says of the counts, in the order in which they came; why the rest went."""
    draws: dict[str, list[bytes]] = defaultdict(list)
    with Spool(bench.work) as spool:
        for row in spool.fill(rows):
            draws[kind_of(row, by)].append(_draw(bench.seed, row))
        limits = shares({kind: len(those) for kind, those in sorted(draws.items())})
        stay = {kind: set(nsmallest(limits[kind][0], those)) for kind, those in draws.items()}
        for row in spool:
            kind = kind_of(row, by)
            if _draw(bench.seed, row) in stay[kind]:
                yield row
            else:
                bench.drop(transform, limits[kind][1], row)


def kind_of(row: Row, by: str) -> str:
    value: Any = part(row, by)
    return "" if value is None else str(value)


def _draw(seed: int, row: Row) -> bytes:
    return blake2b(f"share:{seed}:{row['id']}".encode("utf-8", "surrogatepass"), digest_size=12).digest()
