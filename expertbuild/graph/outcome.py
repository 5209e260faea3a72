"""How a build ended: a status for every step, the results, and what failed."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from expertbuild.graph.action import Step, in_order
from expertbuild.graph.cache import Cache, Damaged
from expertbuild.graph.errors import CacheProblem, StepFailed
from expertbuild.graph.events import Failed, Status
from expertbuild.graph.record import Record
from expertbuild.graph.tree import Tree


@dataclass(frozen=True)
class StepOutcome:
    step: Step
    status: Status
    key: str | None
    record: Record | None = None
    failure: Failed | None = None
    _cache: Cache | None = field(default=None, repr=False)

    @property
    def outputs(self) -> Tree:
        return self.record.outputs if self.record else {}

    @property
    def tree(self) -> str | None:
        """Digest of the output tree."""
        return self.record.tree if self.record else None

    def path(self) -> Path:
        """The output as a read-only directory."""
        if self.record is None or self._cache is None:
            raise StepFailed(f"has no result: {self.status}", where=self.step.id)
        with self._cache.attended():
            try:
                return self._cache.tree(self.record.outputs)
            except Damaged as damaged:
                raise CacheProblem(
                    f"{damaged.path} of its result is damaged in the cache",
                    where=self.step.id,
                    hint="Run the build again; it is made anew.",
                ) from None


class Outcome(Mapping[str, StepOutcome]):
    """Step id -> what became of it, in the order of the graph."""

    def __init__(self, steps: Mapping[str, StepOutcome], cache: Cache) -> None:
        self._steps = dict(steps)
        self._cache = cache

    def __getitem__(self, step: str) -> StepOutcome:
        return self._steps[step]

    def __iter__(self) -> Iterator[str]:
        return iter(self._steps)

    def __len__(self) -> int:
        return len(self._steps)

    @property
    def failures(self) -> list[Failed]:
        return [outcome.failure for outcome in self._steps.values() if outcome.failure]

    @property
    def ok(self) -> bool:
        return not any(outcome.status in (Status.FAILED, Status.SKIPPED) for outcome in self._steps.values())

    @property
    def exit_code(self) -> int:
        """0, or 2 if all that went wrong is the user's to mend, else 1."""
        codes = {failure.exit_code for failure in self.failures}
        return 0 if self.ok else (codes.pop() if len(codes) == 1 else 1)

    def check(self) -> None:
        """Raise what failed first, if anything did."""
        for failure in self.failures:
            raise StepFailed(
                failure.what,
                where=failure.step,
                hint=failure.hint,
                exit_code=failure.exit_code,
                kind=failure.kind,
            )

    def of(self, steps: Iterable[Step]) -> "Outcome":
        """The part of it that some steps and all they stand on make up."""
        return Outcome({step.id: self._steps[step.id] for step in in_order(steps)}, self._cache)

    def keep(self, step: str, label: str, file: Path | None = None) -> None:
        """Never shrink away what `step` stands on, as long as `file` (a package, say) is there."""
        from expertbuild.graph.roots import keep

        keys, stack = set(), [self._steps[step].step]
        while stack:
            current = stack.pop()
            key = self._steps[current.id].key
            if key:
                keys.add(key)
            stack.extend(current.inputs.values())
        keep(self._cache, keys, label, file)
