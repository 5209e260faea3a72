"""Carrying a plan out: fetch everything, check it against what was offered, install it as one set.

Nothing is installed before all of it has arrived and was verified; a failure leaves the store as it was.
"""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from runtime.artifact.package import open_package
from runtime.errors import Problem
from runtime.home import cache_home
from runtime.registry.admission import Delivery
from runtime.registry.asking import Files
from runtime.registry.candidate import Candidate, Source
from runtime.registry.install import install_set
from runtime.registry.installed import Installed
from runtime.registry.lock import Entry, find_locked
from runtime.registry.plan import Plan
from runtime.registry.refusals import LockDiffers, NotAsOffered
from runtime.registry.sources.folder import offered
from runtime.registry.store import Store

_NOTHING = Files((), (), {}, ())


@dataclass(frozen=True)
class Allowed:
    """What a person allowed."""

    unsigned: bool = False
    first_use: bool = False  # for files only, and so is the next
    replace: bool = False
    broken: bool = False  # requirements that are not met, conflicts that are


def carry_out(store: Store, plan: Plan, allowed: Allowed, files: Files = _NOTHING) -> list[Installed]:
    """Install what the plan brings, and the files that stand beside it; what was there already is not mentioned."""
    with _scratch() as folder:
        deliveries = [_by_hand(path, allowed) for path in files.beside]
        for one in plan.beside:
            path = fetch(one, folder / one.id)
            deliveries.append(Delivery(path, one.id, one.source, allow_unsigned=allowed.unsigned))
        for number, change in enumerate(plan.changes):
            if paths := files.taking_part.get(change.one.id):
                deliveries += [_by_hand(path, allowed) for path in paths]
            else:
                path = fetch(change.one, folder / str(number))
                deliveries.append(Delivery(path, change.one.id, change.one.source, allow_unsigned=allowed.unsigned))
        coming = {change.one.id for change in plan.changes}
        # The plan has these already; the file may bring another variant, more signatures, or what was damaged.
        deliveries += [
            _by_hand(p, allowed) for id_, paths in files.taking_part.items() if id_ not in coming for p in paths
        ]
        done = install_set(store, deliveries, retire=plan.retire, whole=not allowed.broken)
    return list({installed.reference: installed for installed in done}.values())


def install_locked(
    store: Store,
    entries: Sequence[Entry],
    sources: Sequence[Source],
    *,
    allow_unsigned: bool = False,
    force: bool = False,
) -> tuple[list[Installed], list[str]]:
    """Install exactly what a lock file lists; what is installed then, and warnings."""
    found, warnings = find_locked(store, entries, sources)
    with _scratch() as folder:
        deliveries = []
        for number, (entry, one) in enumerate(found):
            path = fetch(one, folder / str(number))
            with open_package(path, verify=False) as package:
                if package.envelope is None and "allow-unsigned" not in entry.flags:
                    raise LockDiffers(
                        f"{entry.full_name} {entry.version} was signed when it was locked; {one.source} has it without"
                        " signatures.",
                        hint="Nothing was installed.",
                    )
            deliveries.append(Delivery(path, entry.id, entry.source or one.source, allow_unsigned=allow_unsigned))
        fresh = install_set(store, deliveries, whole=not force)
    new = {installed.reference: installed for installed in fresh}
    return [new.get(entry.reference) or store.find(entry.reference) for entry in entries], warnings


@contextmanager
def _scratch() -> Iterator[Path]:
    try:
        place = cache_home() / "fetched"
        place.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place) as folder:
            yield Path(folder)
    except OSError as error:
        raise Problem(f"Packages can not be fetched: {error.strerror or error}.", where=str(place)) from error


def _by_hand(path: Path, allowed: Allowed) -> Delivery:
    return Delivery(path, allow_unsigned=allowed.unsigned, trust_first_use=allowed.first_use, replace=allowed.replace)


def fetch(one: Candidate, folder: Path) -> Path:
    """Get a package from its source. It has to be the one that was offered, in all that counted for choosing it."""
    if one.fetch is None:
        raise NotAsOffered(f"There is no way to get {one.full_name} {one.version}.", where=one.source)
    folder.mkdir()
    path = one.fetch(folder)
    came = offered(path, one.source)
    asked = {base: digests for base, digests in came.variants.items() if base in one.variants}  # it may bring others
    came = replace(came, variants=asked)
    fields = ("id", "publisher", "name", "version", "requires", "conflicts", "variants")
    differing = [field for field in fields if getattr(one, field) != getattr(came, field)]
    if differing:
        raise NotAsOffered(
            f"{one.full_name} {one.version} is not the package that was offered: another {', '.join(differing)}.",
            where=one.source,
            hint="Nothing was installed. The source is at fault, or somebody on the way to it.",
        )
    return path
