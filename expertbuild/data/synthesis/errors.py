"""What can go wrong between a recipe and a language model."""

from expertbuild.data.errors import SourceMistake
from runtime.errors import Problem


class LockRefused(SourceMistake):
    """A file of locked answers that is not what it should be."""


class NotAnswered(SourceMistake):
    """A recipe asks what no locked answer answers yet."""


class EndpointProblem(Problem):
    """The endpoint cannot be worked with, however often it is asked."""


class Unanswered(Exception):
    """One request got no answer that can be used; asking again may help. Never leaves this package."""

    def __init__(self, reason: str, *, wait: float | None = None, charged: bool = False, silent: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.wait = wait  # how long the endpoint asks us to stay away
        self.charged = charged  # whether it may have been paid for all the same
        self.silent = silent  # whether nothing came at all
