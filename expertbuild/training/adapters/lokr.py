"""LoKr: the weight plus a Kronecker product of two small matrices: full rank from few numbers.

`factor` is the size of the first matrix; -1 lets PEFT make both about equal.
"""

from collections.abc import Mapping
from typing import Any

from expertbuild.training.adapters.loha import effective

__all__ = ["configure", "effective"]


def configure(adapter: Mapping[str, Any], targets: list[str]) -> Any:
    from peft import LoKrConfig

    rank = adapter.get("r", 12)
    return LoKrConfig(
        r=rank,
        alpha=adapter.get("alpha", rank),
        rank_dropout=adapter.get("dropout", 0.0),
        decompose_factor=adapter.get("factor", -1),
        target_modules=targets,
        task_type="CAUSAL_LM",
    )
