"""Where packages come from, one file per kind of source.

A source only offers; nothing it says is believed until the package itself was verified (`Store.install`). `search("")`
of every source gives all that it has.
"""

from runtime.registry.candidate import Source


def configured() -> list[Source]:
    """The sources of this machine, in the order in which they were added."""
    from runtime.registry.index.settings import load_indexes
    from runtime.registry.sources.index import IndexSource

    indexes = load_indexes()
    pinned = {namespace: index.name for index in indexes for namespace in index.namespaces}
    return [IndexSource(i, frozenset(n for n, owner in pinned.items() if owner != i.name)) for i in indexes]


def at(text: str) -> Source | None:
    """A source that was named by hand; None when `text` does not name one."""
    if text.startswith("git+") or "::" in text or "://" in text:
        from runtime.registry.sources.git import GitSource, parse

        return GitSource(parse(text))
    return None
