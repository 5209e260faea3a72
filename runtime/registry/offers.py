"""Everything that could be chosen: for each name that can come into play, its versions and why some of them never can be.

Looks from what is asked for, through all requirements, at what is installed and what the sources offer, and then strikes
out what can not work whatever else is chosen: first one version at a time (yanked, another base, older than what is
installed), then, until nothing changes, every version that requires something of which nothing is left. What is left
over is for `resolve`; what was struck out, and why, for `explain`.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from runtime.artifact.manifest import NAME
from runtime.artifact.shown import shown
from runtime.registry.base import WantedBase
from runtime.registry.candidate import Candidate, Source
from runtime.registry.ranges import admits, check_range
from runtime.registry.reference import is_version, precedence, standing_order
from runtime.registry.refusals import BadRange, TooHard
from runtime.registry.relations import INSTALLED, share_base

# What one resolve looks at. A registry of a thousand experts with twenty versions each fits twice over.
MOST_NAMES = 2_000
MOST_VERSIONS = 40_000


@dataclass(frozen=True)
class Want:
    """Somebody wants a name in a range; `by` is None for the person who types. `id`: these very bytes."""

    name: str
    range: str = "*"
    by: Candidate | None = None
    id: str = ""
    keep: bool = False  # what is installed will do, whatever the range says

    def met_by(self, one: Candidate) -> bool:
        if self.id and one.id != self.id:
            return False
        if not (self.keep and one.source == INSTALLED) and not admits(self.range, one.version):
            return False
        return self.by is None or self.by.full_name == one.full_name or share_base(self.by, one)

    def __str__(self) -> str:
        who = f"{self.by.full_name} {self.by.version} requires " if self.by else "asked for: "
        return who + (self.name if self.keep or self.range == "*" else f"{self.name} {self.range}")


@dataclass(frozen=True)
class Offers:
    """Versions by name, the newest first. `struck`: id of a version -> why it can not be chosen."""

    versions: Mapping[str, Sequence[Candidate]]
    struck: dict[str, str] = field(default_factory=dict)
    sources: tuple[Source, ...] = ()

    def open(self, name: str) -> Iterator[Candidate]:
        """What can be chosen of this name."""
        return (one for one in self.versions.get(name, ()) if one.id not in self.struck)

    def meeting(self, want: Want) -> Iterator[Candidate]:
        return (one for one in self.open(want.name) if want.met_by(one))


def collect(
    wants: Iterable[Want],
    installed: Mapping[str, Candidate],
    sources: Sequence[Source],
    *,
    by_hand: Iterable[Candidate] = (),
    base: WantedBase | None = None,
    loose: bool = False,
) -> Offers:
    """Ask everybody. `installed`: the current version of each expert; `by_hand`: files that were named; `loose`: what
    these require is not looked for."""
    wants, by_hand = list(wants), list(by_hand)
    struck: dict[str, str] = {}
    versions: dict[str, Sequence[Candidate]] = {}
    named = {one.id for one in by_hand}
    ahead = [want.name for want in wants]
    count = 0
    while ahead:
        name = ahead.pop()
        if name in versions:
            continue
        found = _versions(name, installed.get(name), [one for one in by_hand if one.full_name == name], sources, base)
        versions[name] = found
        count += len(found)
        if len(versions) > MOST_NAMES or count > MOST_VERSIONS:
            raise TooHard(
                f"What is asked for may involve more than {MOST_NAMES:,} experts or {MOST_VERSIONS:,} versions.",
                hint="Ask for fewer at once, or for exact versions.",
            )
        for one in found:
            reason = unfit(one, installed.get(name), base, named)
            if reason:
                struck[one.id] = reason
            elif not loose:
                ahead += one.requires
    offers = Offers(versions, struck, tuple(sources))
    if not loose:
        _strike_unsupported(offers)
    return offers


def _versions(
    name: str,
    installed: Candidate | None,
    by_hand: Sequence[Candidate],
    sources: Sequence[Source],
    base: WantedBase | None,
) -> list[Candidate]:
    """Each version once: what is installed before files, files before sources, sources in their order."""
    publisher, _, bare = name.partition("/")
    found: dict[str, Candidate] = {installed.version: installed} if installed else {}
    for one in by_hand:
        if installed is None or one.id != installed.id:
            found[one.version] = one
    for source in sources:
        for one in source.candidates(publisher, bare):
            if (one.publisher, one.name) != (publisher, bare) or not is_version(one.version):
                continue  # says another name than it was asked for, or no version: nothing to compare it by
            known = found.setdefault(one.version, one)
            if known is not one and known.id == one.id and known.fetch and _wider(one, known, base):
                found[one.version] = one
    return sorted(found.values(), key=lambda one: precedence(one.version), reverse=True)


def _wider(one: Candidate, known: Candidate, base: WantedBase | None) -> bool:
    """Of two packages of one release, cut to different bases, the one that has the wanted base, or more of them."""
    if base:
        return base.fits(one.variants) and not base.fits(known.variants)
    return len(one.variants) > len(known.variants)


def unfit(one: Candidate, installed: Candidate | None, base: WantedBase | None, by_hand: Collection[str] = ()) -> str:
    """Why this version can not be chosen, whatever the others are."""
    if one.yanked and one.id not in by_hand:
        return f"was yanked: {shown(one.yanked, 200)}"
    if base and not base.fits(one.variants):
        return f"has no variant for {base.shown}, only for {', '.join(sorted(one.variants)) or 'none'}"
    if installed and standing_order(one.version) < standing_order(installed.version):
        is_prerelease = precedence(one.version) > precedence(installed.version)
        return f"{'is a prerelease that gives way to' if is_prerelease else 'is older than'} {installed.version}, which is installed"
    for name, text in {**one.requires, **one.conflicts}.items():
        publisher, _, bare = name.partition("/")
        if not (NAME.fullmatch(publisher) and NAME.fullmatch(bare)):
            return f"names {shown(name, 80)!r}, which is no expert's name"
        try:
            check_range(text)
        except BadRange:
            return f"names {name} in a range that can not be read, {shown(text, 80)!r}"
    own = one.requires.get(one.full_name)
    if own and not admits(own, one.version):
        return f"requires itself in another version, {own}"
    return ""


def _strike_unsupported(offers: Offers) -> None:
    """Strike out what requires something of which nothing is left, until nothing changes."""
    askers: dict[str, list[Candidate]] = {}
    for name in offers.versions:
        for one in offers.open(name):
            for required in one.requires:
                askers.setdefault(required, []).append(one)
    doubtful = set(offers.versions)
    while doubtful:
        name = min(doubtful)
        doubtful.remove(name)
        for one in askers.get(name, ()):
            want = Want(name, one.requires[name], one)
            if one.id not in offers.struck and next(offers.meeting(want), None) is None:
                offers.struck[one.id] = f"requires {name} {want.range}"
                doubtful.add(one.full_name)


def publisher_of(name: str, installed: Iterable[str], sources: Sequence[Source]) -> list[str]:
    """The full names that a bare name may mean."""
    there = {full for full in installed if full.partition("/")[2] == name}
    for source in sources:
        there |= {f"{publisher}/{name}" for publisher in source.publishers(name) if NAME.fullmatch(publisher)}
    return sorted(there)


def who_was_asked(sources: Sequence[Source]) -> str:
    """For whoever misses something: where it was looked for, and which files there are no packages."""
    if not sources:
        return "There are no sources: name a folder of packages with --from FOLDER."
    strange = [f"{name} ({why})" for source in sources for name, why in getattr(source, "strangers", {}).items()]
    more = f" and {len(strange) - 3} more" if len(strange) > 3 else ""
    no_packages = f" No packages: {'; '.join(strange[:3])}{more}" if strange else ""
    return f"Asked: {', '.join(source.title for source in sources)}.{no_packages}"
