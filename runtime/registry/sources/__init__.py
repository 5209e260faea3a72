"""Where packages come from, one file per kind of source.

A source only offers; nothing it says is believed until the package itself was verified (`Store.install`). `search("")`
of every source gives all that it has.
"""

from pathlib import Path

from runtime.registry.candidate import Source


def configured() -> list[Source]:
    """The sources of this machine, in the order in which they were added."""
    from runtime.registry.index.settings import load_indexes
    from runtime.registry.sources.index import IndexSource

    indexes = load_indexes()
    pinned = {namespace: index.name for index in indexes for namespace in index.namespaces}
    return [IndexSource(i, frozenset(n for n, owner in pinned.items() if owner != i.name)) for i in indexes]


def at(text: str) -> Source | None:
    """A source that was named by hand: a commit of a repository, a folder of packages; None for anything else."""
    if names_repository(text):
        from runtime.registry.sources.git import GitSource, parse

        return GitSource(parse(text))
    if Path(text).is_dir():
        from runtime.registry.sources.folder import FolderSource

        return FolderSource(Path(text))
    return None


def names_repository(text: str) -> bool:
    """Whether this is meant as an address; which ones are good is for the source to say."""
    return text.startswith("git+") or "::" in text or "://" in text
