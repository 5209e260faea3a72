"""What scorers lean on, for the keys of the actions whose results they decide."""

from collections.abc import Iterable, Mapping
from typing import Any


def judges(specs: Iterable[Mapping[str, Any]]) -> dict[str, str | None]:
    """The packages and programs of these scorers, with the versions found here."""
    from expertbuild.evaluation.engines import libraries, programs
    from expertbuild.graph.libraries import Libraries

    installed, found = Libraries(), dict[str, str | None]()
    for spec in specs:
        found |= {name: installed.version(name) for name in libraries(spec)}
        found |= programs(spec)
    return found
