"""What can go wrong in training, in words a person can act on."""

from runtime.errors import Mistake, Problem


class TrainingMistake(Mistake):
    """A setting, target or row that training cannot use as it stands."""


class TrainingProblem(Problem):
    """Training itself failed: a process died, the loss is not a number."""


class MissingLibrary(Mistake):
    """A backend needs a package that is not installed."""


class CannotLower(Mistake):
    """An adapter that no slot record can express, or that is not what it says."""
