"""A job on its way: its steps, what became of them, and how it ended once that is known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from expertbuild.compose.ended import Ended
from expertbuild.compose.jobs import Job
from expertbuild.graph import Outcome, Status, Step, StepOutcome
from expertbuild.graph.action import in_order


@dataclass
class Work:
    job: Job
    steps: Sequence[Step] = ()  # what it asks for; of a package, that one
    outcome: Outcome | None = None
    company: Sequence[StepOutcome] = ()
    ended: Ended | None = None

    @property
    def config(self) -> Mapping[str, Any]:
        return self.job.config

    @property
    def name(self) -> str:
        """The full name of the expert."""
        return f"{self.config['package']['publisher']}/{self.config['expert']['name']}"

    @property
    def packed(self) -> bool:
        """Whether there is a package, or would be after a dry run."""
        return self.ended is None and self.config["target"] == "package"

    def step(self, action: str) -> Step:
        return next(step for step in in_order(self.steps) if step.action.name == action)

    def path(self, step: Step) -> Path | None:
        """Where the result of a step lies, if there is one yet."""
        assert self.outcome is not None
        made = self.outcome[step.id]
        return made.path() if made.status in (Status.HIT, Status.BUILT, Status.FETCHED) else None
