"""Why no set of versions fits, for a person who wants to do something about it.

Two kinds of failure. Something wanted has no version left at all: then what was struck out, and why, down to its cause.
Or each has versions and they do not go together: then the smallest part of what was asked for that already fails, who
wants what of whom, and advice. Advice is given only if it was tried and helps.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from runtime.registry.candidate import Candidate
from runtime.registry.offers import Offers, Want, who_was_asked
from runtime.registry.ranges import hits
from runtime.registry.refusals import NotOffered, Unresolvable
from runtime.registry.relations import INSTALLED, share_base
from runtime.registry.resolve import Clash, Demand
from runtime.registry.wholeness import newly

_DEEP, _LINES, _VERSIONS = 6, 14, 6

# Solve it anew with other wishes, and with what is installed but for these names: the set, or None.
Attempt = Callable[[Sequence[Want], frozenset[str]], Mapping[str, Candidate] | None]


def nothing_left(wants: Sequence[Want], offers: Offers) -> Unresolvable | None:
    """The error, if something that was asked for has no version left."""
    for want in wants:
        if next(offers.meeting(want), None) is None:
            ends: list[Want | None] = []
            reasons = [*_why_none(want, offers, ends)]
            missing = ends[0]
            if missing and all(ends):
                return _not_offered(missing, reasons, offers)
            what = f"No version of {_asked(want)} can be installed."
            return Unresolvable(what, _cut(reasons), hint=_prerelease(want, offers))
    return None


def do_not_fit(
    wants: Sequence[Want],
    offers: Offers,
    installed: Mapping[str, Candidate],
    clashes: Sequence[Clash],
    attempt: Attempt,
) -> Unresolvable:
    """The error, where each thing has versions and no choice of them goes together."""
    core = _smallest(wants, attempt)
    names = [_asked(want) for want in core]
    what = f"{names[0]} can not be installed." if len(core) == 1 else f"These do not go together: {_listed(names)}."
    telling = _telling(clashes, {want.name for want in core})
    reasons = [line for clash in telling for line in _told(clash, offers, installed)]
    return Unresolvable(what, _cut([*dict.fromkeys(reasons)]), hint=_advice(core, telling, installed, attempt))


def _why_none(want: Want, offers: Offers, ends: list[Want | None], seen: frozenset[str] = frozenset()) -> Iterator[str]:
    """Lines about every version of what is wanted, and about what these lack. `ends`: where each line of reasons ends,
    with what nobody has, or with something else (None)."""
    there = offers.versions.get(want.name, ())
    inside = [one for one in there if replace(want, by=None).met_by(one)]
    if not there:
        ends.append(want)
        yield f"No source has {want.name}."
    elif not inside:
        ends.append(None)
        yield f"Of {want.name} there is {_versions(there)}."
    else:
        for reason, ones in _grouped(inside, want, offers).items():
            yield f"{want.name} {_numbers(ones)} {reason}."
            wants = [Want(name, text, ones[0]) for name, text in ones[0].requires.items()]
            below = [each for each in wants if reason.startswith("requires ") and not any(offers.meeting(each))]
            if not below or below[0].name in seen or len(seen) >= _DEEP:
                ends.append(None)
            else:
                yield from _why_none(below[0], offers, ends, seen | {want.name})


def _grouped(ones: Sequence[Candidate], want: Want, offers: Offers) -> dict[str, list[Candidate]]:
    groups: dict[str, list[Candidate]] = {}
    for one in ones:
        reason = offers.struck.get(one.id, "")
        if not reason and want.by and not share_base(want.by, one):
            reason = f"is for {', '.join(sorted(one.variants))}, which is not a base of {want.by.full_name}"
        groups.setdefault(reason or "has other bytes than what was asked for", []).append(one)
    return groups


def _not_offered(missing: Want, reasons: Sequence[str], offers: Offers) -> NotOffered:
    hint = who_was_asked(offers.sources)
    if missing.by is None:
        return NotOffered(f"No source has {missing.name}.", hint=hint)
    whose = f"{missing.by.full_name} {missing.by.version}"
    return NotOffered(f"No source has {missing.name}, which {whose} requires.", _cut(reasons), hint=hint)


def _prerelease(want: Want, offers: Offers) -> str:
    """The newest prerelease that the range means but for its being one."""
    for one in offers.versions.get(want.name, ()):
        only = offers.struck.get(one.id, "is a prerelease").startswith("is a prerelease")
        if only and "-" in one.version.partition("+")[0] and hits(want.range, one.version):
            return f"{one.version} is a prerelease; if you want it: {want.name}@{one.version}"
    return ""


def _smallest(wants: Sequence[Want], attempt: Attempt) -> list[Want]:
    """A part of what was asked for that fails already, from which nothing can be left out."""
    core = list(wants)
    for want in list(core):
        rest = [other for other in core if other is not want]
        if rest and attempt(rest, frozenset()) is None:
            core = rest
    return core


def _telling(clashes: Sequence[Clash], asked: set[str]) -> list[Clash]:
    """The last clash, and those on the same names: the ones that closed the way."""
    last = clashes[-1]
    names = {demand.name for demand in last.demands} | {d.by.full_name for d in last.demands if d.by} | asked
    same = [clash for clash in clashes if {demand.name for demand in clash.demands} <= names]
    return [last, *reversed(same[-20:])]


def _told(clash: Clash, offers: Offers, installed: Mapping[str, Candidate]) -> Iterator[str]:
    for demand in clash.demands:
        if text := _demanded(demand):
            yield text
    for name in dict.fromkeys(demand.name for demand in clash.demands):
        there = installed.get(name)
        ones = [*offers.open(name)]
        if there and all(one.id != there.id for one in ones):
            yield f"{name} {there.version} is installed."
        if ones:
            yield f"Of {name} there is {_versions(ones)}."


def _demanded(demand: Demand) -> str:
    by = demand.by
    if by is None or (demand.kind == "there" and not demand.range):
        return ""
    who = f"{by.full_name} {by.version}{', which is installed,' if by.source == INSTALLED else ''}"
    return f"{who} {'conflicts with' if demand.kind == 'unhit' else 'requires'} {demand.name} {demand.range}."


def _advice(
    core: Sequence[Want], clashes: Sequence[Clash], installed: Mapping[str, Candidate], attempt: Attempt
) -> str:
    for want in core:
        if want.range != "*" and not want.id:
            anything = [replace(other, range="*") if other is want else other for other in core]
            if found := attempt(anything, frozenset()):
                return f"Without {want.range}, {want.name} {found[want.name].version} would fit."
    involved = {d.by.full_name for c in clashes for d in c.demands if d.by} | {
        d.name for c in clashes for d in c.demands
    }
    standing = sorted(name for name in involved if name in installed and name not in {want.name for want in core})
    for name in standing:
        if attempt([*core, Want(name, keep=True)], frozenset()):
            return f"{name} may have to change for it: name it too. expertbuild install {_words(core)} {name}"
    for names in sorted((_with_dependants(name, installed) for name in standing), key=len):
        if attempt(core, frozenset(names)):
            return f"It would fit without what is installed there: expertbuild uninstall {' '.join(names)}"
    if len(core) > 1:
        return "Leave one of them out."
    return ""


def _with_dependants(name: str, installed: Mapping[str, Candidate]) -> list[str]:
    """What has to go together with this one, since it requires it."""
    gone = {name}
    while True:
        rest = {other: one for other, one in installed.items() if other not in gone}
        bereft = {fault.by for fault in newly(dict(installed), rest)}
        if not bereft:
            return sorted(gone)
        gone |= bereft


def _words(wants: Sequence[Want]) -> str:
    return " ".join(want.name if want.range == "*" else f"'{want.name}@{want.range}'" for want in wants)


def _asked(want: Want) -> str:
    return want.name if want.range == "*" or want.keep else f"{want.name} {want.range}"


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _versions(ones: Sequence[Candidate]) -> str:
    sources = ", ".join(dict.fromkeys(one.source for one in ones if one.source != INSTALLED))
    return f"{_numbers(ones)}{f', from {sources}' if sources else ''}"


def _numbers(ones: Sequence[Candidate]) -> str:
    numbers = [one.version + (" (installed)" if one.source == INSTALLED else "") for one in ones]
    more = f" and {len(numbers) - _VERSIONS} older" if len(numbers) > _VERSIONS else ""
    return ", ".join(numbers[:_VERSIONS]) + more


def _cut(lines: Sequence[str]) -> list[str]:
    rest = len(lines) - _LINES
    return [*lines[:_LINES], *([f"... and {rest} lines more"] if rest > 0 else [])]
