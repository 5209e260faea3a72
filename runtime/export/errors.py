"""The one error of exporting."""

from runtime.errors import Mistake


class CannotExport(Mistake):
    """What was asked for cannot be said in that format, or not be written there."""
