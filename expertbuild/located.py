"""A failed step that names a key of the configuration names its file and line too, when a person reads it.

Steps run far from the files they were configured by and know a key only by its path. Where that path was written costs a
second look at the files, so it is asked only when something failed.
"""

import re
from collections.abc import Mapping
from dataclasses import replace

from expertbuild.compose.jobs import Job
from expertbuild.graph import Event, Failed, Listener

_PATH = re.compile(r"(dataset\.[\w.\[\]-]+): ")


def located(listen: Listener, owners: Mapping[str, Job]) -> Listener:
    """The listener, told of places in files where it would have been told of keys. `owners`: step id -> whose it is."""

    def tell(event: Event) -> None:
        if isinstance(event, Failed) and (found := _PATH.match(event.what)):
            place = owners[event.step].origins.of(found[1])
            if place:
                event = replace(event, what=f"{place}: {event.what}")
        listen(event)

    return tell
