"""Rows through their transforms: what looks at one row at a time in several processes and from memory, the rest in line.

Neighbouring transforms that provide `look` make a lane. Rows go through a lane in chunks whose ends are decided by the
rows' own ids, so rows that were added change the chunks they fall into and no other. What a transform said of a chunk is
remembered by the chunk's content, the transform's options and its code: a recipe with one more step asks only that step,
and one with more rows asks only about these. Chunks come back in the order in which they went: how many processes there
are changes no byte. Transforms that provide `apply` see all rows in order each time.
"""

import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import groupby
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from zlib import crc32

from expertbuild.data.encoding import ChatTokenizer
from expertbuild.data.ordered import AHEAD
from expertbuild.data.remembered import Memory, key_of
from expertbuild.data.rows import Row, dump
from expertbuild.data.transforms import Bench, CountedRow, Look, Spec, transform

CHUNK = 256  # rows in a chunk, on average; four times as many at most
PATIENCE = 16  # chunks done here before helpers are started: each costs a second or two to begin
COUNT: Spec = {"kind": "count"}  # the last stage of every recipe: how long each row is

# Of one row: kept as it is (with its length, if that is known), another row, or why it goes.
Outcome = int | list[int] | dict[str, Any] | str


@dataclass(frozen=True)
class Stage:
    """A transform with `look`, and the name under which its answers are remembered ("": they are not)."""

    spec: Spec
    key: str = ""

    @property
    def kind(self) -> str:
        return str(self.spec["kind"])


@dataclass
class Crew:
    """Who works on the rows, and what they remember. Nothing here decides what comes out."""

    workers: int = 1
    tokenizer: Callable[[], ChatTokenizer] | None = None  # how a helper gets the tokenizer; None: there are no helpers
    memory: Memory | None = None
    # A name for the code that runs for a transform, and what it stands on.
    code: Callable[[Spec], str] = lambda spec: ""
    # A name for all that decides the rows of a source, but the seed; "" for one that is asked anew each time.
    source: Callable[[Spec], str] = lambda spec: ""
    patience: int = PATIENCE
    asked: int = 0  # rows that a transform looked at
    recalled: int = 0  # rows whose answer was remembered
    _pool: ProcessPoolExecutor | None = field(default=None, repr=False)

    def __enter__(self) -> "Crew":
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None
        if self.memory is not None:
            self.memory.forget()

    def pool(self, bench: Bench) -> ProcessPoolExecutor | None:
        """The helpers, started when they are first asked for: fresh interpreters, so no thread or lock is copied."""
        if self._pool is None and self.workers > 1 and self.tokenizer is not None:
            given = (self.tokenizer, bench.directory, bench.seed, self.memory)
            self._pool = ProcessPoolExecutor(self.workers, get_context("spawn"), _begin, given)
        return self._pool


def flow(rows: Iterator[Row], specs: Sequence[Spec], bench: Bench, crew: Crew) -> Iterator[Row]:
    """The rows that come through all of these transforms, each with its length."""
    modules = [(spec, transform(spec)) for spec in specs]
    for look, group in groupby(modules, key=lambda one: hasattr(one[1], "look")):
        if look:
            rows = _lane(rows, tuple(_stage(spec, crew) for spec, _ in group), bench, crew)
        else:
            for spec, module in group:
                rows = module.apply(rows, spec, bench)
    return _lane(rows, (_stage(COUNT, crew),), bench, crew)


def _stage(spec: Spec, crew: Crew) -> Stage:
    plain = dict(spec)
    if crew.memory is None:
        return Stage(plain)
    return Stage(plain, key_of(["stage-1", json.dumps(plain, sort_keys=True, default=str), crew.code(spec)]))


def _lane(rows: Iterable[Row], lane: tuple[Stage, ...], bench: Bench, crew: Crew) -> Iterator[Row]:
    waiting: deque[tuple[list[Row], Future[tuple[list[Outcome], int]]]] = deque()
    looks: list[Look | None] = [None] * len(lane)
    only_count = lane[0].spec is COUNT or lane[0].kind == COUNT["kind"]

    def done(chunk: list[Row], outcomes: Sequence[Outcome], recalled: int) -> Iterator[Row]:
        crew.recalled += recalled
        crew.asked += len(chunk) * len(lane) - recalled
        for row, outcome in zip(chunk, outcomes, strict=True):
            kept = _said(row, outcome, lane, bench)
            if kept is not None:
                yield kept

    for number, chunk in enumerate(chunks(rows)):
        if only_count and all(isinstance(row, CountedRow) and row.tokens for row in chunk):
            yield from chunk
            continue
        pool = crew.pool(bench) if number >= crew.patience else None
        if pool is None:
            outcomes, recalled = look_at(chunk, lane, looks, bench, crew.memory)
            yield from done(chunk, outcomes, recalled)
            continue
        waiting.append((chunk, pool.submit(_help, [dict(row) for row in chunk], lane)))
        if len(waiting) >= crew.workers * AHEAD:
            first, future = waiting.popleft()
            yield from done(first, *future.result())
    while waiting:
        first, future = waiting.popleft()
        yield from done(first, *future.result())


def chunks(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Rows in pieces; where a piece ends depends on the ids in it and on nothing before them."""
    held: list[Row] = []
    for row in rows:
        held.append(row)
        if crc32(str(row["id"]).encode("utf-8", "surrogatepass")) % CHUNK == 0 or len(held) >= 4 * CHUNK:
            yield held
            held = []
    if held:
        yield held


def look_at(
    chunk: Sequence[Row], lane: Sequence[Stage], looks: list[Look | None], bench: Bench, memory: Memory | None
) -> tuple[list[Outcome], int]:
    """What becomes of each row of a chunk in this lane, and how many answers were remembered."""
    rows: list[CountedRow | None] = [row if isinstance(row, CountedRow) else CountedRow(row) for row in chunk]
    outcomes: list[Outcome] = [0] * len(chunk)
    changed: set[int] = set()
    recalled = 0
    for place, stage in enumerate(lane):
        there = [number for number, row in enumerate(rows) if row is not None]
        key = key_of([stage.key, *(dump(row) for row in rows if row is not None)]) if memory and stage.key else ""
        known = memory.recall(key) if memory and key else None
        if not (isinstance(known, list) and len(known) == len(there)):
            known = None
        recalled += len(there) if known is not None else 0
        said: list[Outcome] = []
        look = looks[place] if known is not None else _ready(looks, place, stage, bench)
        for position, number in enumerate(there):
            row = rows[number]
            assert row is not None
            answer = known[position] if known is not None else _answer(look, row)
            said.append(answer)
            if isinstance(answer, str):
                rows[number], outcomes[number] = None, f"{place}:{answer}"
                changed.discard(number)
            elif isinstance(answer, dict):
                row = CountedRow(answer["row"])
                row.tokens = tuple(answer["tokens"]) if answer["tokens"] else None
                rows[number] = row
                changed.add(number)
            elif isinstance(answer, list):
                row.tokens = (answer[0], answer[1])
        if memory and key and known is None:
            memory.keep(key, said)
    for number, row in enumerate(rows):
        if row is not None:
            outcomes[number] = _kept(row, number in changed)
    return outcomes, recalled


def _ready(looks: list[Look | None], place: int, stage: Stage, bench: Bench) -> Look:
    look = looks[place]
    if look is None:
        look = looks[place] = (
            _counting(bench) if stage.kind == COUNT["kind"] else transform(stage.spec).look(stage.spec, bench)
        )
    return look


def _counting(bench: Bench) -> Look:
    def count(row: Row) -> Row:
        bench.tokens(row)
        return row

    return count


def _answer(look: Look | None, row: CountedRow) -> Outcome:
    assert look is not None
    answer = look(row)
    if isinstance(answer, str):
        return answer
    return _kept(answer, answer is not row)


def _kept(row: Row, changed: bool) -> Outcome:
    tokens = list(row.tokens) if isinstance(row, CountedRow) and row.tokens else None
    if changed:
        return {"row": dict(row), "tokens": tokens}
    return tokens or 0


def _said(row: Row, outcome: Outcome, lane: Sequence[Stage], bench: Bench) -> Row | None:
    """The row that goes on; None where it goes no further."""
    if isinstance(outcome, str):
        place, _, reason = outcome.partition(":")
        bench.drop(lane[int(place)].kind, reason, row)
        return None
    kept = row if isinstance(row, CountedRow) else CountedRow(row)
    if isinstance(outcome, dict):
        kept = CountedRow(outcome["row"])
        outcome = outcome["tokens"] or 0
    if isinstance(outcome, list):
        kept.tokens = (outcome[0], outcome[1])
    return kept


# A helper process: one bench for its life, and the lanes it has been asked for.

_bench: Bench
_memory: Memory | None
_lanes: dict[str, list[Look | None]] = {}


def _begin(tokenizer: Callable[[], ChatTokenizer], directory: Path, seed: int, memory: Memory | None) -> None:
    global _bench, _memory
    _bench, _memory = Bench(tokenizer(), directory=directory, seed=seed), memory


def _help(chunk: Sequence[Row], lane: tuple[Stage, ...]) -> tuple[list[Outcome], int]:
    name = json.dumps([stage.spec for stage in lane], sort_keys=True, default=str)
    looks = _lanes.setdefault(name, [None] * len(lane))
    return look_at(chunk, lane, looks, _bench, _memory)
