"""What the service refuses, beyond what the floors below it refuse."""

from runtime.errors import Mistake, Problem


class LoadRefused(Problem):
    """An expert that is installed and is not loaded. `stage` says which check it did not pass."""

    def __init__(self, reference: str, stage: str, reason: str, *, hint: str = "") -> None:
        super().__init__(f"{reference} is not loaded ({stage}): {reason}", hint=hint)
        self.reference = reference
        self.stage = stage


class NoSuchModel(Mistake):
    """A name that neither the base nor a loaded expert answers to."""


class ContextTooLong(Mistake):
    """A conversation with more tokens than the base or its cache takes."""


class Overloaded(Problem):
    """As many requests wait as may wait."""


class Stopped(Problem):
    """The engine has stopped, on purpose or by a failure, and answers nothing more."""
