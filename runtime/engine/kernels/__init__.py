"""What the forward pass is made of besides products of matrices: in plain torch, and in Triton where that is faster.

`plain` runs anywhere and says what is right. The Triton kernels run on a GPU, after a trial against their plain twins;
with TRITON_INTERPRET=1 also on a CPU, slowly, which is how they are tested. An int8 cache and a rope of a request's own
stay with the plain ones.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec

import torch
from torch import Tensor

from runtime.engine.kernels.plain import Decode


@dataclass(frozen=True)
class Fast:
    """Kernels that replace several plain steps each: see `heads`, `paged`, `ranks` and `kronecker`."""

    prepare: Callable[..., Tensor]
    decode: Decode
    add_ranks: Callable[..., None]
    add_kronecker: Callable[..., None]


@lru_cache(maxsize=4)
def fast_kernels(device: torch.device) -> Fast | None:
    """Triton's kernels, if this device can run them and they give what their twins give."""
    if find_spec("triton") is None:
        return None
    import triton

    if device.type != "cuda" and not triton.knobs.runtime.interpret:
        return None
    from runtime.engine.kernels import trial
    from runtime.engine.kernels.heads import prepare
    from runtime.engine.kernels.kronecker import add_kronecker
    from runtime.engine.kernels.paged import decode_batch
    from runtime.engine.kernels.ranks import add_ranks

    return Fast(prepare, decode_batch, add_ranks, add_kronecker) if trial.passes(device) else None
