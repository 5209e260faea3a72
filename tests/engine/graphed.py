"""An engine on a CPU whose decoding steps are captured and replayed, as on a GPU."""

from pathlib import Path
from typing import Any

import torch

from runtime.engine.engine import Engine
from runtime.engine.graphs import Capture, Graphs
from runtime.engine.pages import Pages
from tests.engine.tape import Tape


def graphed(base: Path, capture: Capture | None = None, **options: Any) -> tuple[Engine, Graphs]:
    """With plain steps in place of kernels, unless Triton's interpreter is asked for."""
    engine = Engine.load(base, **options)
    engine.tokenizer.eos_ids = frozenset()
    model, known = engine.model, engine._runner.pages
    blocks = len(known.data)
    pages = Pages(model.shape, blocks + 1, known.block_size, device=model.device, dtype=model.dtype)
    graphs = Graphs(
        model,
        pages,
        spare=blocks,
        most_rows=engine._scheduler.max_batch,
        longest=engine.limit,
        capture=capture or Tape(),
    )
    engine._runner.pages, engine._runner._graphs, engine.graphs = pages, graphs, graphs
    return engine, graphs


@torch.inference_mode()
def poison(graphs: Graphs) -> int:
    """Everything in the pool that is nobody's becomes NaN; how many tiles and seats those were."""
    found = 0
    taken = {seat.slot: seat for seat in graphs.pool._seats.values()}
    for bank in graphs.pool.banks.values():
        for tile in bank.free_tiles:
            rows = slice(tile * 16, tile * 16 + 16)
            bank.a[rows], bank.b[rows] = float("nan"), float("nan")
        for seat in bank.free_seats:
            bank.factors[seat] = float("nan")
        for slot in set(range(1, len(bank.counts))) - set(taken):
            for factors in (bank.g_out, bank.g_in):
                if factors is not None:
                    factors[slot] = float("nan")
            bank.places[slot], bank.counts[slot] = 1 << 20, 1 << 10  # whoever looked would look beyond the end
            bank.products[slot] = 1 << 10
        for slot, tiles in bank._tiles.items():
            used = int(bank.counts[slot]) % 16
            if used:
                rows = slice(tiles[-1] * 16 + used, tiles[-1] * 16 + 16)
                bank.a[rows], bank.b[rows] = float("nan"), float("nan")
        for slot, seat in bank._seats.items():
            entries = bank.table[slot, : int(bank.products[slot])]
            used = int((entries[:, 2] * entries[:, 3] + entries[:, 4] * entries[:, 5]).sum())
            bank.factors[seat, used:] = float("nan")
        found += len(bank.free_tiles) + len(bank.free_seats)
    return found
