"""Where packages come from, one file per kind of source.

A source only offers; nothing it says is believed until the package itself was verified (`Store.install`).
"""

from runtime.registry.candidate import Source


def configured() -> list[Source]:
    """The sources of this machine, in the order in which they were added."""
    return []


def at(text: str) -> Source | None:
    """A source that was named by hand; None when `text` does not name one."""
    return None
