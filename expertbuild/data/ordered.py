"""Work done by several threads or processes, its results in order and only a few ahead, so memory stays flat."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import TypeVar

Given = TypeVar("Given")
Made = TypeVar("Made")

AHEAD = 3  # pieces under way for each worker


def in_order(pool: Executor, work: Callable[[Given], Made], pieces: Iterable[Given], workers: int) -> Iterator[Made]:
    """`map`, but lazily: no more than a few pieces are taken before their results are."""
    waiting: deque[Future[Made]] = deque()
    for piece in pieces:
        waiting.append(pool.submit(work, piece))
        if len(waiting) >= workers * AHEAD:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def in_threads(work: Callable[[Given], Made], pieces: Iterable[Given], workers: int) -> Iterator[Made]:
    """For work that lets go of the interpreter, as numpy does on large arrays."""
    if workers < 2:
        yield from map(work, pieces)
        return
    with ThreadPoolExecutor(workers) as pool:
        yield from in_order(pool, work, pieces, workers)
