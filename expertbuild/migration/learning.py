"""What the expert learns with: its bases, one adapter for each, and the numbers of its training.

Numbers that were tuned on one base go to `bases/NAME.yaml`, so that they hold for that base and no other.
"""

from typing import Any

from expertbuild.migration.adapters import carry, kind_of
from expertbuild.migration.bases import known_bases, meant, tell, tell_repeated
from expertbuild.migration.expert import Learning, OnBase
from expertbuild.migration.fields import Section
from expertbuild.migration.hashes import doubt_digest
from expertbuild.migration.older import Old
from expertbuild.migration.settling import keep_number
from expertbuild.migration.training import leave_training, read_training, say_again


def learn(old: Old) -> tuple[Learning, dict[str, Section]]:
    """What the expert learns with, and for each base the old adapter whose numbers were taken."""
    known = known_bases()
    if not old.bases:
        leave_training(old)
    training = read_training(old)
    kind: str | None = None
    bases: list[OnBase] = []
    taken: dict[str, Section] = {}
    for old_base in old.bases:
        base = meant(old_base, known)
        name = base.name
        if any(each.name == name for each in bases):
            tell_repeated(old.account, base)
            leave_adapters(old_base.adapters, f"{name} was named before")
            continue
        first = base.known is not None and not any(each.known for each in bases)
        tell(old.account, base, "expert.yaml: defaults: override /base" if first else f"bases/{name}.yaml")
        adapter, its_kind = _choose(old_base.adapters, kind)
        values: dict[str, Any] = {}
        train = dict(training.values)
        if adapter is not None and its_kind is not None:
            kind, taken[name] = its_kind, adapter
            values = carry(adapter, its_kind, training.section, f"bases/{name}.yaml: adapter")
            train |= _own_rate(adapter, name)
        bases.append(OnBase(name, base.known is not None, values, train))
        say_again(training, values)
    say_again(training, {})
    if not any(base.known for base in bases):
        old.account.added("expert.yaml: base", "the one of conf", "no base of the old manifest is in conf/base")
    if kind is None:
        old.account.added(
            "expert.yaml: adapter", "the one of conf", "the old manifest names no kind that is built here"
        )
    return Learning(kind, tuple(bases), training.seed), taken


def leave_adapters(adapters: tuple[Section, ...], why: str) -> None:
    for adapter in adapters:
        doubt_digest(adapter, "its weights are left behind")
        adapter.account.dropped(adapter.path, why)


def _choose(adapters: tuple[Section, ...], wanted: str | None) -> tuple[Section | None, str | None]:
    """The first adapter of a kind that is built here, and that the other bases have; the others are left behind."""
    chosen: Section | None = None
    kind: str | None = None
    for adapter in adapters:
        its = kind_of(adapter)
        if chosen is not None:
            leave_adapters((adapter,), "a build trains one adapter for a base; this is a further one")
        elif its is None:
            leave_adapters((adapter,), "of a kind that is not built here")
        elif wanted not in (None, its):
            leave_adapters((adapter,), f"{its}: another base has {wanted}, and an expert has one kind of adapter")
        else:
            chosen, kind = adapter, its
    return chosen, kind


def _own_rate(adapter: Section, base: str) -> dict[str, Any]:
    place = f"bases/{base}.yaml: train.learning_rate"
    rate = keep_number(adapter.account, adapter.number("learning_rate", "lr"), place, 0, 1, above=True)
    return {} if rate is None else {"learning_rate": rate}
