"""Whether a package may come in: what its signatures are worth, what a person allowed, and what is there already.

It decides and writes nothing; `install` asks it for each package before and while it is copied.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from runtime.artifact.package import Package
from runtime.artifact.refusals import BadDocument
from runtime.artifact.signature import key_id
from runtime.registry.ranges import check_range
from runtime.registry.record import Record
from runtime.registry.refusals import BadRange, SameVersion, UnknownPublisher, Unsigned
from runtime.registry.trust import OWN, Namespace, Trust, TrustedKey
from runtime.registry.verdict import Verdict


@dataclass(frozen=True)
class Delivery:
    """A package that shall be installed, and what a person allowed for it."""

    path: Path
    id: str = ""  # what it must be; empty: a file named by hand is whatever it is
    source: str = ""  # who offered it; empty: a file named by hand
    allow_unsigned: bool = False
    trust_first_use: bool = False
    replace: bool = False


def permit(verdict: Verdict, package: Package, delivery: Delivery) -> tuple[str, ...]:
    """The flags without which this package would not get in; refuse it if they were not given."""
    publisher, where = package.manifest.publisher, delivery.source or str(package.path)
    if verdict.state == "unsigned":
        if not delivery.allow_unsigned:
            hint = "If you know where it comes from, --allow-unsigned installs it, and `list` will always say so."
            raise Unsigned(f"Nobody has signed {_named(package)}.", where=where, hint=hint)
        return ("allow-unsigned",)
    if verdict.state == "unknown":
        sentence = f"Unknown publisher: nobody on this machine has said that the key {verdict.keys[0]} may sign for {publisher}."
        if publisher == OWN:
            hint = f"{OWN!r} is each machine's own namespace; ask for a package under the builder's own, or trust the key by hand: expertbuild trust add {OWN} KEYFILE"
            raise UnknownPublisher(sentence, where=where, hint=hint)
        if not delivery.trust_first_use:
            faith = "" if delivery.source else " (or take this one on faith: --trust-first-use)"
            hint = f"Get the key from {publisher} and type: expertbuild trust add {publisher} KEYFILE{faith}."
            raise UnknownPublisher(sentence, where=where, hint=hint)
        return ("trust-first-use",)
    return ()


def as_if_pinned(trust: Trust, publisher: str, keys: Iterable[bytes]) -> Trust:
    """The trust file as it will be when the set is installed: a refused set pins nothing."""
    pinned = Namespace({key_id(public): TrustedKey(public, origin="first use") for public in keys})
    return replace(trust, namespaces={**trust.namespaces, publisher: pinned})


def check_version(before: Record | None, package: Package, verdict: Verdict, trust: Trust, asked: bool) -> None:
    if before is None or before.id == package.id or asked:
        return
    namespace = trust.namespaces.get(package.manifest.publisher)
    if verdict.state == "trusted" and namespace is not None and namespace.mode == "development":
        return
    raise SameVersion(
        f"{before.full_name} {before.version} is installed with other bytes (id {before.id[:12]}).",
        where=str(package.path),
        hint="A release does not change: raise the version, or replace it knowingly with --replace.",
    )


def check_ranges(package: Package) -> None:
    for relation in ("requires", "conflicts"):
        for name, text in getattr(package.manifest, relation).items():
            try:
                check_range(text)
            except BadRange as bad:
                raise BadDocument(f"manifest.json {relation} {name}: {bad.what}", where=str(package.path)) from None


def _named(package: Package) -> str:
    return f"this package, {package.manifest.full_name} {package.manifest.version}"
