"""Adapter kinds by name. Each file says how PEFT is asked for the kind, and what weight it makes of a layer.

`configure(adapter, targets)` gives the PEFT configuration; `effective(layer)` gives the weight and bias that the
adapted layer amounts to, differentiable in the adapter's parameters. The fused training pass needs nothing else. A kind
of low rank may also give `thin(layer)`, the same as factors, which is faster. A kind that changes no layer gives
`through(model, dtype)`, a pass of its own, in place of `effective`.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

from expertbuild.catalogue import Catalogue
from expertbuild.training.errors import TrainingMistake

if TYPE_CHECKING:
    from torch import Tensor

ADAPTERS = Catalogue(
    "adapter kind",
    {
        kind: f"{__name__}.{kind}"
        for kind in ("lora", "rslora", "dora", "ia3", "loha", "lokr", "vera", "prompt", "prefix")
    },
)


class AdapterKind(Protocol):
    """What each file here provides."""

    def configure(self, adapter: Mapping[str, Any], targets: list[str]) -> Any: ...

    def effective(self, layer: Any) -> tuple[Any, Any]: ...


@dataclass(frozen=True)
class Thin:
    """An adapted layer whose weight is gain * (W0 + up down), `gain` by row; `weight` is that product, a constant."""

    weight: "Tensor"
    bias: "Tensor | None"
    down: "Tensor"  # [r, in]
    up: "Tensor"  # [out, r], with scale and gain in it: the weight changes by up @ down
    gain: "Tensor | None"


def kind_of(adapter: Mapping[str, Any]) -> AdapterKind:
    """The module of an adapter configuration's kind."""
    if "kind" not in adapter:
        raise TrainingMistake("the adapter has no kind.", where="adapter.kind")
    return cast(AdapterKind, ADAPTERS.load(adapter["kind"]))


def resolve_targets(model: Any, targets: str | list[str]) -> list[str]:
    """The names of the linear layers to adapt: "all-linear" is every one but the head."""
    import torch

    linear = [name for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)]
    known = sorted({name.rsplit(".", 1)[-1] for name in linear} - {"lm_head"})
    if targets == "all-linear":
        return known
    for target in targets:
        if target not in known:
            near = difflib.get_close_matches(target, known, n=1)
            raise TrainingMistake(
                f'the base has no linear layer "{target}".',
                where="adapter.targets",
                hint=f'Did you mean "{near[0]}"?' if near else f"It has: {', '.join(known)}.",
            )
    return sorted(set(targets))
