"""Steps in which every request decodes one token, captured once as a CUDA graph and replayed: one launch in place of hundreds.

A graph repeats its kernels with the sizes and addresses of its capture, so a step is made to fit: its rows are padded to a
rung of a ladder, its block tables to another, its inputs copied into buffers that stay, and its adapters are slots of a
`pool` that stays as well. One graph serves every step with the same rungs, whoever runs in it. Rows that fill a step up
write to a block that belongs to nobody and are nobody's adapter; rows do not see each other, so what comes of them is
left out.

Everything else runs as before, when `forward` says None: prompts, guessed tokens, ropes of a request's own, adapters that the
pool cannot hold, and sizes whose capture failed. How a step is captured is an argument: the tests replay without a GPU.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from runtime.engine.batch import Batch
from runtime.engine.model import Model
from runtime.engine.pages import Pages
from runtime.engine.pool import Pool, Pooled
from runtime.engine.transfer import send

_log = logging.getLogger(__name__)

GRAPHS = ("auto", "off")
MOST_KEPT = 64
LEAST_WIDTH = 16  # blocks of a table; below that nothing is saved


@dataclass(frozen=True)
class Size:
    """What one graph is captured for."""

    rows: int
    width: int  # blocks of each row's table
    mixed: bool  # whether rows have adapters


@dataclass
class Counts:
    """What became of steps and captures."""

    replayed: int = 0
    eager: int = 0
    captured: int = 0
    failed: int = 0
    thrown: int = 0  # graphs whose addresses are no more, or that made room


class Capture:
    """Captures a step on a GPU. All graphs share their memory, since one runs at a time."""

    def __init__(self) -> None:
        self._stream: torch.cuda.Stream | None = None
        self._memory: torch.cuda._POOL_HANDLE | None = None

    def __call__(self, step: Callable[[], object]) -> Callable[[], None]:
        """What replays it. It runs once before, on the same stream: Triton compiles, cuBLAS takes its workspace."""
        now = torch.cuda.current_stream()
        self._stream = self._stream or torch.cuda.Stream()  # type: ignore[no-untyped-call]
        self._memory = self._memory or torch.cuda.graph_pool_handle()
        self._stream.wait_stream(now)
        with torch.cuda.stream(self._stream):
            step()
        now.wait_stream(self._stream)
        graph = torch.cuda.CUDAGraph()
        try:
            # thread_local: what other threads do on the device meanwhile is none of the capture's business.
            with torch.cuda.graph(graph, pool=self._memory, stream=self._stream, capture_error_mode="thread_local"):
                step()
        finally:
            torch.cuda.set_stream(now)  # a capture that breaks off leaves its own behind
        return graph.replay

    def forget(self) -> None:
        """No graph is left, so nobody holds the memory that they shared, and it cannot be shared again."""
        self._memory = None


class Graphs:
    """The captured steps of one model and its pages."""

    def __init__(
        self, model: Model, pages: Pages, *, spare: int, most_rows: int, longest: int, capture: Capture | None = None
    ) -> None:
        """`spare`: a block that no request is ever given. `longest`: tokens that a request may come to."""
        self.counts = Counts()
        self.pool = Pool(model.weights, model.fast)
        self._model, self._pages, self._spare = model, pages, spare
        self._most_rows, self._most_width = most_rows, -(-longest // pages.block_size)
        self._capture = capture or Capture()
        self._kept: dict[Size, Callable[[], None]] = {}  # the longest unused first
        self._failed: set[Size] = set()
        self._version = self.pool.version
        with torch.inference_mode():
            # Every size takes the beginning of the same buffers.
            room = _fields(rows(most_rows, most_rows), self._most_width)
            self._inputs = torch.zeros(room, dtype=torch.int64, device=model.device)
            self._logits = torch.zeros(most_rows, model.shape.vocab, device=model.device)
            self._last = torch.arange(most_rows, device=model.device)

    @staticmethod
    def work(model: Model) -> bool:
        """Whether steps can be captured here: on a GPU whose kernels passed their trial."""
        return model.device.type == "cuda" and model.fast is not None

    @property
    def kept(self) -> list[Size]:
        return list(self._kept)

    @torch.inference_mode()
    def forward(self, batch: Batch) -> Tensor | None:
        """The logits of a step, or None if it has to run by itself."""
        logits = self._forward(batch) if self._fits(batch) else None
        if logits is None:
            self.counts.eager += 1
        else:
            self.counts.replayed += 1
        return logits

    def _fits(self, batch: Batch) -> bool:
        count, width = len(batch.positions), batch.tables.shape[-1]
        decodes = batch.decoding == count and batch.turns is None
        return decodes and count <= self._most_rows and width <= self._most_width

    def _forward(self, batch: Batch) -> Tensor | None:
        count = len(batch.positions)
        try:
            slots = self.pool.take(batch.mix.adapters) if batch.mix is not None else [0] * count
        except torch.OutOfMemoryError:  # for what stands beside the adapters: without it they still run
            slots = None
        self._catch_up()
        if slots is None:
            return None
        size = Size(rows(count, self._most_rows), width(batch.tables.shape[1], self._most_width), any(slots))
        if size in self._failed:
            return None
        self._fill(size, batch, slots)
        replay = self._kept.pop(size, None) or self._captured(size)
        if replay is None:
            return None
        self._kept[size] = replay
        replay()
        # A copy: the next step writes its logits to the same place.
        wanted = batch.last
        return self._logits[:count].clone() if len(wanted) == count else self._logits[send(wanted, self._logits.device)]

    def _catch_up(self) -> None:
        """What was captured with the pool's addresses of before is thrown away."""
        if self._version != self.pool.version:
            self._version = self.pool.version
            self._failed = {size for size in self._failed if not size.mixed}
            for size in [size for size in self._kept if size.mixed]:
                self._throw(size)

    def _throw(self, size: Size) -> None:
        del self._kept[size]
        self.counts.thrown += 1
        if not self._kept:
            self._capture.forget()

    def _captured(self, size: Size) -> Callable[[], None] | None:
        try:
            replay = self._capture(lambda: self._step(size))
        except Exception as error:  # whatever torch, Triton or a driver raises: then this size runs by itself
            if not self.counts.failed:
                _log.warning("a decoding step could not be captured and runs without a CUDA graph: %s", error)
            self.counts.failed += 1
            self._failed.add(size)
            if not self._kept:
                self._capture.forget()
            return None
        self.counts.captured += 1
        while len(self._kept) >= MOST_KEPT:
            self._throw(next(iter(self._kept)))
        return replay

    def _step(self, size: Size) -> Tensor:
        """The step itself, from the buffers to the logits. It must not look at what stands in them."""
        tokens, positions, blocks, offsets, lengths, owner, tables = _cut(self._inputs, size)
        batch = Batch(
            tokens=tokens,
            positions=positions,
            blocks=blocks,
            offsets=offsets,
            decoding=size.rows,
            tables=tables.view(size.rows, size.width),
            lengths=lengths,
            chunks=(),
            last=self._last[: size.rows],
            mix=Pooled(self.pool, owner) if size.mixed else None,
            block_size=self._pages.block_size,
            dtype=self._model.dtype,
        )
        return self._model.forward(batch, self._pages, out=self._logits[: size.rows])

    def _fill(self, size: Size, batch: Batch, slots: list[int]) -> None:
        """The step's inputs into the buffers, in one copy that nobody waits for."""
        count = len(slots)
        device = self._inputs.device
        total = _fields(size.rows, size.width)
        told = torch.zeros(total, dtype=torch.int64, pin_memory=device.type == "cuda")
        tokens, positions, blocks, offsets, lengths, owner, tables = _cut(told, size)
        known = batch.tokens.device.type == "cpu"
        if known:
            tokens[:count] = batch.tokens
        positions[:count], blocks[:count] = batch.positions, batch.blocks
        offsets[:count], lengths[:count] = batch.offsets, batch.lengths
        owner[:count] = torch.tensor(slots)
        grid = tables.view(size.rows, size.width)
        grid[:count, : batch.tables.shape[1]] = batch.tables
        blocks[count:], lengths[count:], grid[count:, 0] = self._spare, 1, self._spare
        self._inputs[:total].copy_(told, non_blocking=True)
        if not known:
            self._inputs[:count].copy_(batch.tokens)


def rows(count: int, most: int) -> int:
    """The rung for so many rows: powers of two up to 8, then steps that add less than a quarter."""
    step = max(8, 1 << max((count - 1).bit_length() - 3, 0))
    rung = 1 << (count - 1).bit_length() if count <= 8 else -(-count // step) * step
    return min(rung, most)


def width(blocks: int, most: int) -> int:
    """The rung for tables so wide: powers of two."""
    return min(max(LEAST_WIDTH, 1 << (blocks - 1).bit_length()), most)


def _fields(count: int, wide: int) -> int:
    return count * (6 + wide)


def _cut(numbers: Tensor, size: Size) -> list[Tensor]:
    """Tokens, positions, blocks, offsets, lengths, slots [rows] each, and the tables."""
    sizes = [size.rows] * 6 + [size.rows * size.width]
    return list(torch.split(numbers[: _fields(size.rows, size.width)], sizes))
