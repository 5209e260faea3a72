"""A capture without a GPU: what a step does to memory is written down once, and replayed without running its Python again.

As in a CUDA graph the operations, their sizes and their addresses are those of the recording; only what stands in memory may
differ. What a capture would refuse fails here as well: reading a number on the host, results whose size depends on numbers,
tensors made from numbers of the host or beside the device. Triton's launches are written down where its interpreter runs them.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Self
from unittest.mock import patch

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_leaves

from runtime.engine.graphs import Capture

HOST = {"aten::lift_fresh", "aten::is_nonzero", "aten::_local_scalar_dense"}
SIZES = {torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape}
READS = ("tolist", "numpy", "cpu", "pin_memory", "__array__", "item", "__bool__", "__float__", "__int__", "__index__")
MAKERS = ("arange", "zeros", "ones", "empty", "full")


class NotCaptured(Exception):
    """A graph could not hold this."""


@dataclass(frozen=True)
class Call:
    """One operation, or one launch of a kernel."""

    name: str
    run: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    made: Any

    def replay(self) -> None:
        again = self.run(*self.args, **self.kwargs)
        for kept, new in zip(_tensors(self.made), _tensors(again), strict=True):
            if kept.data_ptr() != new.data_ptr():
                kept.copy_(new)

    def told(self, addresses: dict[int, int]) -> tuple[object, ...]:
        """What a graph fixes of it. Memory that the step itself makes goes by the order in which it was made."""
        given = {_address(each) for each in _tensors((self.args, self.kwargs))}
        for place in map(_address, _tensors(self.made)):
            if place not in given:
                addresses[place] = -len(addresses) - 1
        leaves = tree_leaves((self.args, self.kwargs, self.made))
        return self.name, *(_told(leaf, addresses) for leaf in leaves)


class Recording(TorchDispatchMode):
    """What is done while it is entered."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self._strict = True
        self._patches = ExitStack()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func._schema.name
        sized = SIZES & set(func.tags)
        if name == "aten::index":  # of known size unless it is by a mask
            sized = {each for each in args[1] if each is not None and each.dtype == torch.bool}
        if name in HOST or sized:
            raise NotCaptured(f"{name} passes between host and device")
        made = func(*args, **(kwargs or {}))
        self.calls.append(Call(name, func, tuple(args), kwargs or {}, made))
        return made

    def __enter__(self) -> Self:
        for name in READS:
            self._guard(torch.Tensor, name, lambda kwargs: False)
        for name in MAKERS:
            self._guard(torch, name, lambda kwargs: "device" in kwargs)
        self._guard(torch, "tensor", lambda kwargs: False)
        if "triton.runtime.interpreter" in sys.modules:
            self._write_down_launches(sys.modules["triton.runtime.interpreter"].InterpretedFunction)
        super().__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        self._patches.close()

    def _guard(self, owner: Any, name: str, allowed: Callable[[dict[str, Any]], bool]) -> None:
        known = getattr(owner, name)

        def guarded(*args: Any, **kwargs: Any) -> Any:
            if self._strict and not allowed(kwargs):
                raise NotCaptured(f"{name} passes between host and device")
            return known(*args, **kwargs)

        self._patches.enter_context(patch.object(owner, name, guarded))

    def _write_down_launches(self, interpreted: Any) -> None:
        launch = interpreted.run

        def run(kernel: Any, *args: Any, grid: Any, warmup: bool, **kwargs: Any) -> None:
            once = partial(launch, kernel, grid=grid, warmup=warmup)
            with self._aside():
                once(*args, **kwargs)
            self.calls.append(Call(f"{kernel.__name__}{grid}", once, args, kwargs, None))

        self._patches.enter_context(patch.object(interpreted, "run", run))

    @contextmanager
    def _aside(self) -> Iterator[None]:
        """The interpreter looks at memory as it likes; on a GPU it is not there."""
        self._strict = False
        with _disable_current_modes():
            yield
        self._strict = True


class Tape(Capture):
    """Captures by writing down."""

    def __init__(self) -> None:
        super().__init__()
        self.forgotten = 0

    def __call__(self, step: Callable[[], object]) -> Callable[[], None]:
        step()  # on a GPU it runs once before its capture as well
        calls = record(step)

        def replay() -> None:
            for call in calls:
                call.replay()

        return replay

    def forget(self) -> None:
        self.forgotten += 1


def record(step: Callable[[], object]) -> list[Call]:
    """The operations of a step, in their order."""
    with Recording() as recording:
        step()
    return recording.calls


def fixed(calls: list[Call]) -> list[tuple[object, ...]]:
    """What a graph of these calls would fix: names, sizes, strides, numbers of the host, addresses."""
    addresses: dict[int, int] = {}
    return [call.told(addresses) for call in calls]


def _tensors(value: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(value) if isinstance(leaf, Tensor)]


def _address(tensor: Tensor) -> int:
    return id(tensor) if tensor.is_mkldnn else tensor.untyped_storage().data_ptr()


def _told(leaf: Any, addresses: dict[int, int]) -> object:
    if not isinstance(leaf, Tensor):
        return leaf
    place = _address(leaf)
    where = () if leaf.is_mkldnn else (leaf.storage_offset(), leaf.stride())
    return addresses.get(place, place), where, tuple(leaf.shape), leaf.dtype
