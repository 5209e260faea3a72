"""What can stand in the way of a new expert."""

from runtime.errors import Mistake


class StartMistake(Mistake):
    """A name or a table of which no expert can be made as it stands."""
