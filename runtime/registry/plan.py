"""From what somebody asks for to a change of the store that can be shown first: who comes, in which version, and why.

Making a plan only reads. It is carried out in `carrying`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from runtime.errors import Problem
from runtime.registry.base import WantedBase
from runtime.registry.candidate import Candidate, Source
from runtime.registry.explain import do_not_fit, nothing_left
from runtime.registry.offers import Offers, Want, collect, unfit
from runtime.registry.reference import Reference, is_version, precedence, standing_order
from runtime.registry.relations import INSTALLED, as_candidate
from runtime.registry.resolve import SECONDS, NoFit, resolve
from runtime.registry.store import Store

_EXPLAINING = 1.0  # seconds of processor time for each question that an explanation asks


@dataclass(frozen=True)
class Change:
    """One expert that comes in a version that is not there yet."""

    one: Candidate
    before: str  # the version that counted until now; empty: none
    why: str

    def __str__(self) -> str:
        versions = f"{self.before} -> {self.one.version}" if self.before else self.one.version
        return f"{self.one.full_name} {versions} ({self.why}; {self.one.source})"


@dataclass(frozen=True)
class Plan:
    """What will be there: `chosen` is the whole set; in `changes`, what is required goes first."""

    chosen: Mapping[str, Any]
    changes: tuple[Change, ...] = ()
    retire: tuple[Reference, ...] = ()
    beside: tuple[Candidate, ...] = ()  # versions asked for that will not be what their bare name means
    held: tuple[str, ...] = ()  # why something is not as new as it could be

    @property
    def changed(self) -> frozenset[str]:
        return frozenset(change.one.full_name for change in self.changes)


def make_plan(
    store: Store,
    wants: Sequence[Want],
    sources: Sequence[Source],
    *,
    by_hand: Iterable[Candidate] = (),
    base: WantedBase | None = None,
    renew: Iterable[str] = (),
    loose: bool = False,
) -> Plan:
    """A set that fits, or an error that explains why there is none.

    `renew`: names of which the newest is wanted, where others take what is installed if that fits. `loose`: nobody's
    requirements and conflicts count.
    """
    installed = {name: as_candidate(each) for name, each in store.current().items()}
    by_hand, renew = list(by_hand), frozenset(renew)

    def solve(
        asked: Sequence[Want], without: frozenset[str] = frozenset(), seconds: float = SECONDS
    ) -> tuple[Mapping[str, Candidate], Offers]:
        there = {name: one for name, one in installed.items() if name not in without}
        offers = collect(asked, there, sources, by_hand=by_hand, base=base, loose=loose)
        if failure := nothing_left(asked, offers):
            raise failure
        try:
            return resolve(asked, offers, there, renew=renew, seconds=seconds, loose=loose), offers
        except NoFit as none:
            if seconds == _EXPLAINING:
                raise
            raise do_not_fit(asked, offers, there, none.clashes, attempt) from None

    def attempt(asked: Sequence[Want], without: frozenset[str]) -> Mapping[str, Candidate] | None:
        try:
            return solve(asked, without, _EXPLAINING)[0]
        except (NoFit, Problem):
            return None

    beside = {want.name: one for want in wants if (one := _beside(want, installed, sources, base))}
    wants = [want for want in wants if want.name not in beside]
    chosen, offers = solve(wants)
    changes = tuple(
        Change(one, installed[name].version if name in installed else "", _why(one, wants, chosen.values()))
        for name, one in chosen.items()
        if one.source != INSTALLED
    )
    held = tuple(reason for name in sorted(renew & chosen.keys()) if (reason := _held(chosen[name], chosen, offers)))
    return Plan(chosen, changes, beside=tuple(beside.values()), held=held)


def keeping_only_new(plan: Plan) -> Plan:
    """The plan, and the versions that it replaces are removed."""
    old = [
        Reference(change.one.name, change.one.publisher, change.before)
        for change in plan.changes
        if change.before and change.before != change.one.version
    ]
    return replace(plan, retire=tuple(old))


def _beside(
    want: Want, installed: Mapping[str, Candidate], sources: Sequence[Source], base: WantedBase | None
) -> Candidate | None:
    """The very version that was asked for, where something installed goes on to be what the bare name means."""
    version, there = want.range.removeprefix("="), installed.get(want.name)
    if want.id or not there or not is_version(version) or standing_order(version) >= standing_order(there.version):
        return None
    publisher, _, name = want.name.partition("/")
    offered = (one for source in sources for one in source.candidates(publisher, name))
    fitting = (one for one in offered if (one.full_name, one.version) == (want.name, version))
    return next((one for one in fitting if not unfit(one, None, base)), None)


def _why(one: Candidate, wants: Iterable[Want], chosen: Iterable[Candidate]) -> str:
    if any(want.name == one.full_name for want in wants):
        return "asked for"
    name = one.full_name
    return "; ".join([f"{by.full_name} requires {by.requires[name]}" for by in chosen if name in by.requires][:3])


def _held(one: Candidate, chosen: Mapping[str, Candidate], offers: Offers) -> str:
    """Why the newest release is not the one that was chosen."""
    newer = [each for each in offers.versions[one.full_name] if precedence(each.version) > precedence(one.version)]
    releases = [each for each in newer if "-" not in each.version.partition("+")[0]]
    if not releases:
        return ""
    newest, name = releases[0], one.full_name
    wanting = [each for each in chosen.values() if name in each.requires]
    by = [each for each in wanting if not Want(name, each.requires[name], each).met_by(newest)]
    reason = offers.struck.get(newest.id) or (
        f"does not fit: {by[0].full_name} {by[0].version} requires {name} {by[0].requires[name]}"
        if by
        else "does not go together with the others"
    )
    return f"{name} stays at {one.version}: {newest.version} {reason}."
