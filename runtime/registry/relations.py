"""What installed experts require of each other and what they can not stand: which of it holds, and which does not.

One version of an expert counts: the one that its bare name means, which is the newest release installed. Older ones
beside it serve those who name them with their version, and take no part. How a set that holds is found is told in
`resolve`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from runtime.registry.candidate import Candidate
from runtime.registry.installed import Installed
from runtime.registry.ranges import admits, hits
from runtime.registry.reference import standing_order
from runtime.registry.refusals import BadRange

INSTALLED = "installed"


@dataclass(frozen=True)
class Fault:
    """A requirement or a conflict that does not hold among what is installed."""

    by: str  # PUBLISHER/NAME
    version: str
    relation: str  # requires, conflicts
    name: str
    range: str
    found: str  # the version that is there; empty: none
    found_for: tuple[str, ...] = ()  # the bases of it, where that is what does not fit

    def __str__(self) -> str:
        if self.relation == "conflicts":
            return f"{self.by} {self.version} conflicts with {self.name} {self.range}, and {self.found} is installed."
        there = "it is not installed" if not self.found else f"{self.found} is installed"
        if self.found_for:
            there = f"{self.found} is installed for another base ({', '.join(self.found_for)})"
        return f"{self.by} {self.version} requires {self.name} {self.range}, and {there}."


def as_candidate(installed: Installed) -> Candidate:
    """An installed version in the form in which versions are compared."""
    record = installed.record
    return Candidate(
        record.publisher,
        record.name,
        record.version,
        record.id,
        INSTALLED,
        installed.requires,
        installed.conflicts,
        record.variants,
        record.summary,
    )


def current(versions: Iterable[Candidate]) -> dict[str, Candidate]:
    """The one version of each expert that counts: the highest release; a prerelease only if there is nothing else."""
    best: dict[str, Candidate] = {}
    for each in versions:
        before = best.get(each.full_name)
        if before is None or standing_order(each.version) > standing_order(before.version):
            best[each.full_name] = each
    return best


def in_order(asked: Iterable[str], ones: Mapping[str, Candidate]) -> dict[str, Candidate]:
    """What was asked for and all that it requires, as far as it is among these; what is required goes first."""
    ordered: dict[str, Candidate] = {}
    entered: set[str] = set()
    ahead = [(name, False) for name in reversed(list(asked))]
    while ahead:
        name, leaving = ahead.pop()
        if leaving:
            ordered[name] = ones[name]
        elif name not in entered and name in ones:
            entered.add(name)
            ahead.append((name, True))
            ahead += [(required, False) for required in sorted(ones[name].requires, reverse=True)]
    return ordered


def share_base(one: Candidate, other: Candidate) -> bool:
    """Whether two experts can be loaded on one base: same content, same tokenizer, whatever both call it."""
    return any(mine == theirs for mine in one.variants.values() for theirs in other.variants.values())


def faults(there: Mapping[str, Candidate]) -> list[Fault]:
    """Everything that does not hold among these, by name."""
    return [fault for _, each in sorted(there.items()) for fault in faults_of(each, there)]


def faults_of(one: Candidate, there: Mapping[str, Candidate]) -> Iterator[Fault]:
    """What this expert lacks, or can not stand, among those that are there."""
    for name, wanted in sorted(one.requires.items()):
        found = there.get(name)
        if found is None or not _holds(admits, wanted, found.version):
            yield Fault(one.full_name, one.version, "requires", name, wanted, found.version if found else "")
        elif name != one.full_name and not share_base(one, found):
            bases = tuple(sorted(found.variants))
            yield Fault(one.full_name, one.version, "requires", name, wanted, found.version, bases)
    for name, wanted in sorted(one.conflicts.items()):
        found = there.get(name)
        if found and name != one.full_name and _holds(hits, wanted, found.version):
            yield Fault(one.full_name, one.version, "conflicts", name, wanted, found.version)


def _holds(judge: Callable[[str, str], bool], wanted: str, version: str) -> bool:
    try:
        return judge(wanted, version)
    except BadRange:
        return False
