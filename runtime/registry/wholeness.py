"""Whether what is installed still holds together after a change: asked under the store's lock, right before it.

The last word, whoever planned the change and however long ago: it looks at what is there now. Only what the change
itself breaks is held against it; what did not hold before is for `list` to show.
"""

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from runtime.registry.candidate import Candidate
from runtime.registry.record import Record
from runtime.registry.reference import Reference
from runtime.registry.refusals import WouldBreak
from runtime.registry.relations import Fault, as_candidate, current, faults

if TYPE_CHECKING:
    from runtime.registry.store import Store


def check_whole(store: "Store", coming: Iterable[Record], going: Collection[Reference] = (), hint: str = "") -> None:
    """Raise WouldBreak if this change makes a requirement fail, or a conflict real, that was fine before."""
    from runtime.registry.trust import Trust

    there = {
        Reference(installed.record.name, installed.record.publisher, installed.version): as_candidate(installed)
        for installed in store.list()
    }
    after = {reference: each for reference, each in there.items() if reference not in going}
    for record in coming:
        reference = Reference(record.name, record.publisher, record.version)
        after[reference] = as_candidate(store.installed(record, Trust()))
    broken = newly(current(there.values()), current(after.values()))
    if broken:
        what = "Something that is installed would no longer have what it requires."
        raise WouldBreak(what, [str(fault) for fault in broken], hint=hint or "See: expertbuild list")


def newly(before: dict[str, Candidate], after: dict[str, Candidate]) -> list[Fault]:
    """The faults that are there after and were not before."""
    known = {(fault.by, fault.relation, fault.name) for fault in faults(before)}
    return [fault for fault in faults(after) if (fault.by, fault.relation, fault.name) not in known]
