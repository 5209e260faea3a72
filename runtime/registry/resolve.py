"""Which versions: one of each expert, so that everybody has what it requires and nobody meets what it conflicts with.

`resolvelib` searches; this says what it searches in. A name can be *chosen* in some version, *stay* as it is installed,
or stay *absent*, so that conflicts are requirements like others. What is installed and was not asked for stays, and what
it requires is kept true: it comes into play when something that it is related to changes. Two caps hold: rounds, and
seconds of this process's own time. Where nothing fits, `explain` says why.
"""

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from resolvelib import AbstractProvider, BaseReporter, ResolutionImpossible, ResolutionTooDeep
from resolvelib.resolvers import Resolution

from runtime.registry.candidate import Candidate
from runtime.registry.offers import Offers, Want
from runtime.registry.ranges import admits, hits
from runtime.registry.refusals import TooHard
from runtime.registry.relations import INSTALLED, faults_of, in_order

ROUNDS = 20_000
SECONDS = 4.0  # of processor time; a set of 100 experts that fits takes hundredths


@dataclass(frozen=True)
class Demand:
    """What one pick asks of a name: that it is chosen as wanted, that it is not hit, or that it keeps being there."""

    name: str
    kind: str  # chosen, unhit, there
    range: str = ""
    by: Candidate | None = None
    want: Want | None = None


@dataclass(frozen=True, eq=False)
class Pick:
    """What becomes of a name."""

    name: str
    one: Candidate | None  # None: absent
    chosen: bool  # False: it stays as it is


@dataclass(frozen=True)
class Clash:
    """Demands on one name that nothing meets together."""

    demands: tuple[Demand, ...]


class NoFit(Exception):
    """There is no answer; the clashes that were met on the way."""

    def __init__(self, clashes: Sequence[Clash]) -> None:
        self.clashes = tuple(clashes)


def resolve(
    wants: Sequence[Want],
    offers: Offers,
    installed: Mapping[str, Candidate],
    *,
    renew: Collection[str] = (),
    seconds: float = SECONDS,
    loose: bool = False,
) -> dict[str, Candidate]:
    """A version for every name that is wanted, directly or not; NoFit or TooHard. What is installed is preferred, but
    for the names in `renew`, of which the newest is. `loose`: nobody's requirements and conflicts count."""
    space = _Space(wants, offers, installed, frozenset(renew), time.process_time() + seconds, loose)
    journal = _Journal(space)
    demands = [Demand(want.name, "chosen", want.range, want.by, want) for want in wants]
    try:
        state = Resolution(space, journal).resolve(demands, max_rounds=ROUNDS)
    except ResolutionImpossible as impossible:
        journal.resolving_conflicts(impossible.causes)
        raise NoFit(journal.clashes) from None
    except ResolutionTooDeep:
        raise space.too_hard(f"{ROUNDS:,} rounds") from None
    found = _reached(state.mapping, state.criteria)
    picked = {name: pick.one for name, pick in found.items() if pick.chosen and pick.one}
    return picked if loose else in_order([want.name for want in wants], picked)


def _reached(mapping: Mapping[str, Pick], criteria: Mapping[str, Any]) -> dict[str, Pick]:
    """The picks that are asked for, step by step from what is wanted. (resolvelib's own walk to there finds no end where two
    that nobody asks for any more, since an older version was taken, require each other.)"""
    names: dict[int, str | None] = {id(pick): name for name, pick in mapping.items()}
    names[id(None)] = None
    asked: dict[str | None, list[str]] = {}
    for name, criterion in criteria.items():
        for parent in criterion.iter_parent():
            if id(parent) in names:
                asked.setdefault(names[id(parent)], []).append(name)
    reached: set[str] = set()
    ahead: list[str | None] = [None]
    while ahead:
        fresh = [name for name in asked.get(ahead.pop(), ()) if name not in reached]
        reached.update(fresh)
        ahead += fresh
    return {name: pick for name, pick in mapping.items() if name in reached}


class _Journal(BaseReporter[Demand, Pick, str]):
    """Watches the clock, and remembers what clashed."""

    def __init__(self, space: "_Space") -> None:
        self._space = space
        self.clashes: list[Clash] = []

    def starting_round(self, index: int) -> None:
        self._space.check_clock()

    def resolving_conflicts(self, causes: Collection[Any]) -> None:
        if len(self.clashes) < 1000:
            self.clashes.append(Clash(tuple(cause.requirement for cause in causes)))


class _Space(AbstractProvider[Demand, Pick, str]):
    """What is searched."""

    def __init__(
        self,
        wants: Sequence[Want],
        offers: Offers,
        installed: Mapping[str, Candidate],
        renew: frozenset[str],
        deadline: float,
        loose: bool,
    ) -> None:
        self._offers = offers
        self._installed = installed
        self._renew = renew
        self._deadline = deadline
        self._loose = loose
        self._wants = wants
        self._named = {want.id for want in wants}
        self._picks: dict[str, list[Pick]] = {}
        self._rest: dict[str, Pick] = {}
        self._most_disputed: dict[str, int] = {}

    def check_clock(self) -> None:
        if time.process_time() > self._deadline:
            raise self.too_hard("its time")

    def too_hard(self, cap: str) -> TooHard:
        disputed = sorted(self._most_disputed, key=lambda name: (-self._most_disputed[name], name))[:3]
        about = f" Most was tried with {', '.join(disputed)}." if disputed else ""
        return TooHard(
            f"No set of versions was found within {cap}, and none was ruled out.{about}",
            hint="Ask for exact versions of some of these: NAME@VERSION.",
        )

    def identify(self, requirement_or_candidate: Demand | Pick) -> str:
        return requirement_or_candidate.name

    def get_preference(
        self,
        identifier: str,
        resolutions: Mapping[str, Pick],
        candidates: Mapping[str, Iterator[Pick]],
        information: Mapping[str, Iterator[Any]],
        backtrack_causes: Sequence[Any],
    ) -> tuple[bool, int, str]:
        """First what clashed last, then what has the fewest ways out."""
        blamed = any(identifier in (c.requirement.name, c.parent.name if c.parent else "") for c in backtrack_causes)
        return (not blamed, len(self._of(identifier)), identifier)

    def find_matches(
        self,
        identifier: str,
        requirements: Mapping[str, Iterator[Demand]],
        incompatibilities: Mapping[str, Iterator[Pick]],
    ) -> list[Pick]:
        self.check_clock()
        demands = list(requirements[identifier])
        barred = set(incompatibilities[identifier])
        wanted = any(demand.kind == "chosen" for demand in demands)
        picks = self._of(identifier) if wanted else [self._at_rest(identifier)]
        fitting = [pick for pick in picks if pick not in barred and all(_meets(pick, d) for d in demands)]
        if not fitting:
            self._most_disputed[identifier] = self._most_disputed.get(identifier, 0) + 1
        return fitting

    def is_satisfied_by(self, requirement: Demand, candidate: Pick) -> bool:
        return _meets(candidate, requirement)

    def get_dependencies(self, candidate: Pick) -> list[Demand]:
        one = candidate.one
        if one is None or self._loose:
            return []
        if not candidate.chosen:
            return [*self._standing(one)]
        demands = [
            Demand(n, "chosen", r, one, Want(n, r, one)) for n, r in sorted(one.requires.items()) if n != one.full_name
        ]
        demands += [Demand(n, "unhit", r, one) for n, r in sorted(one.conflicts.items()) if n != one.full_name]
        if one.source != INSTALLED:
            demands += [Demand(n, "there", "", one) for n in self._related.get(one.full_name, ())]
        return demands

    def _of(self, name: str) -> list[Pick]:
        if name not in self._picks:
            ones = list(self._offers.open(name))
            if name not in self._renew:
                ones.sort(key=lambda one: one.source != INSTALLED)  # stable: the rest stays, newest first
            distinct = {self._likeness(one): one for one in reversed(ones)}
            self._picks[name] = [Pick(name, one, True) for one in ones if distinct[self._likeness(one)] is one]
        return self._picks[name]

    def _likeness(self, one: Candidate) -> tuple[Any, ...]:
        """What nobody can tell two versions apart by: where one of them does not fit, the other does not either, so
        only the better one is tried. Most releases ask for what the one before asked for: a chain of 12 experts with
        29 versions each, which was given up after 19 s, is ruled out in hundredths."""
        requires, conflicts = self._said_of.get(one.full_name, (set(), set()))
        return (
            one.source == INSTALLED,
            one.id in self._named,
            tuple(sorted(one.requires.items())),
            tuple(sorted(one.conflicts.items())),
            frozenset((variant["base"], variant["tokenizer"]) for variant in one.variants.values()),
            tuple(admits(text, one.version) for text in sorted(requires)),
            tuple(hits(text, one.version) for text in sorted(conflicts)),
        )

    @cached_property
    def _said_of(self) -> dict[str, tuple[set[str], set[str]]]:
        """Every range in which a name is required, and every one in which it is not wanted."""
        said: dict[str, tuple[set[str], set[str]]] = {}
        everybody = [one for name in self._offers.versions for one in self._offers.open(name)]
        for one in [*everybody, *self._installed.values()]:
            for name, text in one.requires.items():
                said.setdefault(name, (set(), set()))[0].add(text)
            for name, text in one.conflicts.items():
                said.setdefault(name, (set(), set()))[1].add(text)
        for want in self._wants:
            said.setdefault(want.name, (set(), set()))[0].add(want.range)
        return said

    def _at_rest(self, name: str) -> Pick:
        return self._rest.setdefault(name, Pick(name, self._installed.get(name), False))

    def _standing(self, one: Candidate) -> Iterator[Demand]:
        """What holds today for something that stays must go on to hold."""
        lacking = {(fault.relation, fault.name) for fault in faults_of(one, self._installed)}
        for name, text in sorted(one.requires.items()):
            if ("requires", name) not in lacking and name != one.full_name:
                yield Demand(name, "there", text, one)
        for name, text in sorted(one.conflicts.items()):
            if ("conflicts", name) not in lacking and name != one.full_name:
                yield Demand(name, "unhit", text, one)

    @cached_property
    def _related(self) -> dict[str, list[str]]:
        """Who of the installed has something to say about a name."""
        related: dict[str, list[str]] = {}
        for name, one in sorted(self._installed.items()):
            for other in {*one.requires, *one.conflicts} - {name}:
                related.setdefault(other, []).append(name)
        return related


def _meets(pick: Pick, demand: Demand) -> bool:
    one = pick.one
    if demand.kind == "unhit":
        return one is None or not hits(demand.range, one.version)
    if one is None:
        return False
    if demand.kind == "there":
        return not demand.range or Want(demand.name, demand.range, demand.by).met_by(one)
    return pick.chosen and demand.want is not None and demand.want.met_by(one)
