"""Several graphs as one, so that their steps run side by side under one display.

Steps of the same id that ask the same are one step. Where two graphs have different steps of one id - two sweeps of one
expert - they cannot be joined: an id is what a step is known by in histories and records.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from expertbuild.graph.action import Step, in_order
from expertbuild.graph.key import cut


class Joined:
    """A graph that grows by others."""

    def __init__(self) -> None:
        self.steps: dict[str, Step] = {}

    def take(self, steps: Sequence[Step]) -> list[Step] | None:
        """These steps as part of this graph, or None where they do not go together with what is there."""
        mine: dict[Step, Step] = {}
        new: dict[str, Step] = {}
        for step in in_order(steps):
            inputs = {role: mine[upstream] for role, upstream in step.inputs.items()}
            there = self.steps.get(step.id)
            if there is None:
                there = Step(step.id, step.action, step.config, inputs, step.files, step.seed)
                new[step.id] = there
            elif not _same(there, step, inputs):
                return None
            mine[step] = there
        self.steps |= new
        return [mine[step] for step in steps]


def _same(one: Step, other: Step, inputs: Mapping[str, Step]) -> bool:
    return (
        one.action is other.action
        and _given(one) == _given(other)
        and one.inputs == inputs
        and one.files == other.files
        and one.seed == other.seed
    )


def _given(step: Step) -> dict[str, Any]:
    return cut(step.config, (*step.action.reads, *step.action.unkeyed))
