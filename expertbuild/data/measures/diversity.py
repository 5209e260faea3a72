"""How far apart questions lie as vectors: the mean cosine distance of two of them, and how many kinds there seem to be.

    measures: {diversity: {encoder: minilm, min: 0.4}}

`encoder` is hashed (words and runs of letters, nothing to install) or minilm (what sentences mean, by a small model: extra
`embed`). Both figures are taken of `rows` rows of each split (1,000 when nothing is said), drawn by their ids. The number
of kinds is the Vendi score: the exponential of the entropy of the similarities' eigenvalues; all alike is 1, all
unlike is the number of rows.
"""

import heapq
from collections import defaultdict
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import numpy as np

from expertbuild.data.rows import Row, question
from expertbuild.data.transforms import Bench, Spec

HEADLINE = "train.distance"
ABOUT = "mean cosine distance of two questions to train on"
ENCODERS = {"hashed": "hashed-1", "minilm": "minilm-1"}


class Diversity:
    def __init__(self, encoder: str, rows: int) -> None:
        self.encoder = encoder
        self.rows = rows
        self.drawn: dict[str, list[tuple[bytes, str]]] = defaultdict(list)  # heaps: the rows with the lowest numbers

    def add(self, split: str, row: Row) -> None:
        number = bytes(255 - byte for byte in blake2b(str(row["id"]).encode(), digest_size=8).digest())
        heap = self.drawn[split]
        if len(heap) < self.rows:
            heapq.heappush(heap, (number, question(row)))
        elif number > heap[0][0]:
            heapq.heapreplace(heap, (number, question(row)))

    def result(self) -> Mapping[str, Any]:
        from runtime.router.encoders import ENCODERS as KNOWN

        made: dict[str, Any] = {"encoder": self.encoder}
        for split, drawn in self.drawn.items():
            texts = [text for _, text in sorted(drawn, reverse=True)]
            vectors = KNOWN[ENCODERS[self.encoder]].rows(texts)
            norms = np.linalg.norm(vectors, axis=1, keepdims=True)
            vectors /= np.where(norms == 0, 1, norms)
            made[split] = _figures((vectors @ vectors.T).astype(np.float64))
        return made


def _figures(alike: Any) -> dict[str, Any]:
    count = len(alike)
    np.fill_diagonal(alike, 1.0)
    mean = (alike.sum() - count) / max(1, count * (count - 1))
    values = np.linalg.eigvalsh(alike / count)
    values = values[values > 1e-12]
    kinds = float(np.exp(-(values * np.log(values)).sum()))
    return {"rows": count, "distance": max(0.0, round(1 - float(mean), 4)), "kinds": round(kinds, 2)}


def measure(bench: Bench, spec: Spec) -> Diversity:
    return Diversity(spec.get("encoder", "hashed"), spec.get("rows", 1000))
