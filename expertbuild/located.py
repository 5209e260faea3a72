"""What fails and names a key of the configuration names its file and line too, when a person reads it.

Steps run far from the files they were configured by and know a key only by its path. Where that path was written costs a
second look at the files, so it is asked only when something failed.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from expertbuild.actions.dataset import placed
from expertbuild.compose.jobs import Job
from expertbuild.graph import Event, Failed, Listener
from runtime.errors import Problem

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


@contextmanager
def lines_of(job: Job) -> Iterator[None]:
    """What goes wrong with the recipe before a step runs names its line, too."""
    try:
        yield
    except Problem as problem:
        key = placed(problem.where, job.config["dataset"]["use"]) if "dataset" in job.config else problem.where
        if key != problem.where:
            problem.where = f"{place}: {key}" if (place := job.origins.of(key)) else key
        raise
