"""A device beside the host that is not there: its tensors are computed on the CPU, and every wait for it is written down.

What PyTorch does on a GPU without being asked (a plain copy waits until all that was asked before is done, and so does reading
a number) is found here with the module that asked for it. The device bears the name of `meta`, the one other device that
every PyTorch knows. Nothing is timed, and no kernel is tried.
"""

import copy
import dataclasses
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from runtime.engine.engine import Engine
from runtime.engine.matrix import Plain
from runtime.engine.transfer import BESIDE

FAR = torch.device("meta")

# What PyTorch's operators ask of the device, by their names.
_PINNING: dict[str, Callable[[Tensor], Any]] = {
    "is_pinned": lambda _: False,
    "pin_memory": lambda tensor: tensor,
    "_pin_memory": lambda tensor: tensor,
}
_COPIES = {"to", "_to_copy", "copy_"}
_PLACES = {"index", "index_put", "index_put_"}  # by a mask: how many, the host has to know
_READING = {"item", "_local_scalar_dense", "is_nonzero", "equal", "nonzero", "masked_select"}


class Far(Tensor):
    """A tensor of the device; `near` holds its numbers."""

    near: Tensor

    @staticmethod
    def __new__(cls, near: Tensor) -> "Far":
        made: Far = Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls, near.shape, near.stride(), near.storage_offset(), dtype=near.dtype, device=FAR
        )
        made.near = near
        return made

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise AssertionError(f"{func} outside of a journey")


class Journey(TorchDispatchMode):
    """While it lasts, the device is there. `waits`: what the host waited for, and which module of the engine asked."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = func._schema.name.removeprefix("aten::")
        if name in _PINNING:
            return _PINNING[name](args[0])
        if name == "_fused_sdp_choice":
            return 0  # plain products: which kernel the device would choose is not the question
        given = [each for each in tree_leaves((args, kwargs)) if isinstance(each, Tensor)]
        far = {id(each.near): each for each in given if isinstance(each, Far)}
        near = [each for each in given if not isinstance(each, Far)]
        assert not any(each.device == FAR for each in near), f"made of the host's numbers at once, in {_who()}"
        told = [each for each in tree_leaves((args, kwargs)) if isinstance(each, torch.device)]
        stays = FAR in told if told else bool(far)
        if name in _COPIES:
            waits = (stays != bool(far) or bool(near) == bool(far)) and not kwargs.get("non_blocking")
        else:
            masked = name in _PLACES and any(
                each.dtype == torch.bool for each in tree_leaves(args[1]) if each is not None
            )
            waits = bool(far) and (masked or name in _READING or any(each.dim() for each in near))
        if waits:
            self.waits.append(f"{name} in {_who()}")
        found = func(*tree_map(_near, args), **tree_map(_near, kwargs))
        if not stays:
            return found
        return tree_map(lambda each: far[id(each)] if id(each) in far else _far(each), found)


def _far(value: Any) -> Any:
    return Far(value) if isinstance(value, Tensor) else value


def _near(value: Any) -> Any:
    """The same for the CPU, which computes it."""
    if isinstance(value, torch.device):
        return torch.device("cpu")
    return value.near if isinstance(value, Far) else value


def _who() -> str:
    frame: Any = sys._getframe()
    while frame is not None and "runtime/engine" not in frame.f_code.co_filename:
        frame = frame.f_back
    return "no module of the engine" if frame is None else Path(frame.f_code.co_filename).name


class Reached:
    """A mark in the work of a device that is always done."""

    def synchronize(self) -> None:
        pass


@contextmanager
def far_away(base: Path, monkeypatch: pytest.MonkeyPatch, **options: Any) -> Iterator[tuple[Engine, Journey]]:
    """An engine with all its tensors on the device."""
    monkeypatch.setitem(BESIDE, FAR.type, lambda device: Reached())
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)  # whose layout only a CPU has
    engine = Engine.load(base, **options)
    with torch.inference_mode(), Journey() as journey:
        model, pages = engine.model, engine._runner.pages
        model.device = FAR
        model.weights, model._frequencies = _moved(model.weights), Far(model._frequencies)
        engine._adapters._like = model.weights.norm
        for name, value in list(vars(pages).items()):
            setattr(pages, name, _far(value))
        yield engine, journey


def _moved(value: Any) -> Any:
    """The same data classes, sequences and matrices with their tensors on the device."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {each.name: _moved(getattr(value, each.name)) for each in dataclasses.fields(value)}
        return dataclasses.replace(value, **fields)
    if isinstance(value, tuple):
        return tuple(map(_moved, value))
    if isinstance(value, Plain):
        value = copy.copy(value)
        value.weight = Far(value.weight)
    return _far(value)
