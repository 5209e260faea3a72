"""The errors of the router."""

from runtime.errors import Mistake, Problem


class ProfileRefused(Problem):
    """A profile that does not follow its schema or does not fit this router."""


class ProfileNotMade(Mistake):
    """Prompts or settings from which no profile can be made."""


class EncoderMissing(Problem):
    """An encoder that needs a package which is not installed."""
