"""What can go wrong with data, in words a person can act on."""

from runtime.errors import Mistake, Problem


class RecipeMistake(Mistake):
    """A recipe that cannot be followed as it stands."""


class SourceMistake(Mistake):
    """A source that is not there, not readable, or not what the recipe says."""


class DataProblem(Problem):
    """The data that came out cannot be used: rows leak between splits, or none are left."""
