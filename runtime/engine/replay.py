"""How near a replayed canary has to come to what the build measured, by how the base is held and computed.

A canary was taken in float32 on the weights as they are stored. On such a base each logit must come out again within
the canary's own tolerance. A base held in fewer bits moves every logit a little, so there the question is whether they
still tell the same story: the root mean square of the differences, less their mean (a shift of all logits changes no
answer), against the spread of the stored logits. Measured with the twelve canaries of six experts on nano: bf16 0.01, int8 0.05, int4
0.18 at most; the same canaries on a base that lacks the adapter, the mildest of wrong weights, 0.39 at least.
"""

import torch
from torch import Tensor

from runtime.artifact.canary import Probe

# weights -> the largest share of the spread. auto: the canary's own tolerance holds.
SHARES = {"auto": None, "bf16": 0.05, "fp16": 0.05, "int8": 0.15, "int4": 0.3}
_HALF = 0.1  # computed in bfloat16 or float16, however the weights are held: activations are rounded as well


def allowed_share(weights: str, dtype: torch.dtype) -> float | None:
    """None where logits must come out again exactly, within the canary's own tolerance."""
    share = SHARES[weights]
    return share if dtype == torch.float32 else max(share or 0.0, _HALF)


def fault(probe: Probe, logits: Tensor, tolerance: float, share: float | None) -> str | None:
    """What is wrong with the logits of one probe, or None."""
    ids = probe.top_ids.long()
    if int(ids.max()) >= len(logits):
        return f"names token {int(ids.max())}, which the base lacks"
    differences = logits[ids] - probe.top_values
    worst = float(differences.abs().max())
    if share is None or len(ids) < 3:  # two logits have no spread to speak of
        if worst <= tolerance:  # NaN is not
            return None
        return f"is off by {worst:.3g}; {tolerance:.3g} is allowed"
    spread = float(probe.top_values.std())
    found = float((differences - differences.mean()).square().mean().sqrt())
    if worst <= tolerance or found <= share * spread:
        return None
    return f"is off by {found / max(spread, 1e-9):.2f} of its spread; {share:.2f} is allowed for a base that is rounded"
