"""What can go wrong in an evaluation, in words a person can act on."""

from runtime.errors import Mistake, Problem


class EvaluationMistake(Mistake):
    """A scorer, margin or test set that cannot be used as it stands."""


class GateRefused(Problem):
    """The expert does not keep a bound of the gate: docs/gate.md has them all."""
