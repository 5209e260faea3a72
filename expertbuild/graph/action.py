"""What an action declares, where a step stands in a graph, and what its function is given.

Nothing here runs or hashes: see key.py for what becomes part of a key and run.py for the order.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from expertbuild.graph.errors import GraphMistake

_NO_FILES: Mapping[str, Path] = {}


@dataclass(frozen=True)
class Action:
    """A kind of step. Declared once; its function is imported only where it runs."""

    name: str
    version: int
    """Bumped when the meaning changes though the code's digest does not show it."""
    reads: tuple[str, ...]
    """Dotted paths into the configuration: what the key holds, and what the function sees (see `unkeyed`)."""
    function: str
    """`package.module:name`"""
    libraries: tuple[str, ...] = ()
    """Distributions whose installed version is part of the key."""
    engines: Callable[[Mapping[str, Any]], Mapping[str, str | None]] | None = None
    """From what the action reads to whatever else decides the result on this machine, with its version: programs that
    are found, libraries that are looked up by name. In the key beside the libraries; asked by every plan, so cheap."""
    unkeyed: tuple[str, ...] = ()
    """Dotted paths that the function sees and the key does not: worker counts, how often to save, where a file
    lies whose content is in the key. They must never decide which result is reached."""
    plugins: Callable[[Mapping[str, Any]], Iterable[str]] | None = None
    """From what the action reads to the names of further modules that run: looked-up sources, scorers."""


@dataclass(frozen=True, eq=False)
class Step:
    """An action placed in a graph. Its identity is the object; its id is for people and for history."""

    id: str
    action: Action
    config: Mapping[str, Any]
    inputs: Mapping[str, "Step"] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict)
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Context:
    """All that an action's function gets: `def train(run: Context) -> None`."""

    config: dict[str, Any]
    inputs: dict[str, Path]
    """Role -> a read-only directory with the output of that step."""
    files: dict[str, Path]
    seed: int
    out: Path
    """Empty at the start. The files that lie here at the end are the result; empty folders are not kept."""
    work: Path
    """Scratch that survives a kill: checkpoints. Gone once the result is recorded."""
    reporter: Callable[[dict[str, Any]], None] | None = None
    lineage: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Step id -> key document of everything the inputs were made from: for the record, no part of the key."""

    def report(self, **fields: Any) -> None:
        """Progress: step=, total=, loss=, tokens_per_second=, message=, ... Cheap; call it as often as you like."""
        if self.reporter is not None:
            self.reporter(fields)


def in_order(steps: Iterable[Step]) -> list[Step]:
    """The steps and all they stand on, every step after its inputs."""
    order: list[Step] = []
    names: dict[str, Step] = {}
    state: dict[Step, bool] = {}  # False while its inputs are being visited
    stack: list[tuple[Step, bool]] = [(step, False) for step in reversed(list(steps))]
    while stack:
        step, inputs_done = stack.pop()
        if inputs_done:
            state[step] = True
            order.append(step)
        elif step not in state:
            if names.setdefault(step.id, step) is not step:
                raise GraphMistake("is the id of two different steps", where=step.id)
            state[step] = False
            stack.append((step, True))
            stack.extend((upstream, False) for upstream in reversed(list(step.inputs.values())))
        elif not state[step]:
            raise GraphMistake("stands on itself: the graph has a cycle", where=step.id)
    return order
