"""The lock file: which packages exactly, so that another machine gets the same ones.

What identifies a package is its id, the SHA-256 of its release statement, which covers every byte of it. Versions,
sources and bases are there for people and for finding it; `flags` say what somebody waived when it was installed. The
same set gives the same bytes: one line for each expert, by name. Trust is not in it: each machine has its own.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from runtime.artifact.refusals import Refused
from runtime.artifact.schema import check, expect_version
from runtime.artifact.shown import shown
from runtime.artifact.strict_json import canonical, read
from runtime.errors import Mistake, Problem
from runtime.registry.candidate import Candidate, Source
from runtime.registry.disk import publish_file
from runtime.registry.installed import Installed
from runtime.registry.offers import who_was_asked
from runtime.registry.reference import precedence, standing_order
from runtime.registry.refusals import LockDiffers
from runtime.registry.relations import in_order
from runtime.registry.store import Store

FORMAT = "expert-lock/1"
_UNFETCHED: tuple[str, ...] = ()


@dataclass(frozen=True)
class Entry:
    """One package."""

    publisher: str
    name: str
    version: str
    id: str
    source: str  # where it was found, for people; empty: a file named by hand
    flags: tuple[str, ...]  # allow-unsigned, trust-first-use
    variants: Mapping[str, Mapping[str, str]]  # base -> {base, tokenizer}: SHA-256

    @property
    def full_name(self) -> str:
        return f"{self.publisher}/{self.name}"

    @property
    def reference(self) -> str:
        return f"{self.full_name}@{self.version}"


def entry_of(one: Installed | Candidate) -> Entry:
    """What is installed, with the flags that let it in; what is only chosen needs none, so it has to be signed."""
    if isinstance(one, Installed):
        record = one.record
        return Entry(
            record.publisher, record.name, record.version, record.id, record.source, record.trust.flags, record.variants
        )
    return Entry(one.publisher, one.name, one.version, one.id, one.source, _UNFETCHED, one.variants)


def lock_document(entries: Iterable[Entry]) -> bytes:
    """The bytes of a lock file."""
    ordered = sorted(entries, key=lambda entry: (entry.full_name, precedence(entry.version)))
    lines = []
    for entry in ordered:
        variants = {base: dict(digests) for base, digests in entry.variants.items()}
        lines.append(canonical({**asdict(entry), "variants": variants}).decode("utf-8"))
    data = '{"experts":[\n' + ",\n".join(lines) + f'\n],"format":"{FORMAT}"}}\n'
    _read(data.encode("utf-8"))
    return data.encode("utf-8")


def write_lock(path: Path, entries: Iterable[Entry]) -> None:
    """Write the lock file, whole or not at all."""
    data = lock_document(entries)
    try:
        publish_file(data, path.absolute().parent, path.absolute())
    except OSError as error:
        raise Problem(f"The lock file can not be written: {error.strerror}.", where=str(path)) from None


def read_lock(path: Path) -> list[Entry]:
    """What a lock file lists, checked."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Mistake(f"The lock file can not be read: {error.strerror}.", where=str(path)) from None
    try:
        return _read(data)
    except Refused as refusal:
        refusal.where = str(path)
        raise


def find_locked(
    store: Store, entries: Sequence[Entry], sources: Sequence[Source]
) -> tuple[list[tuple[Entry, Candidate]], list[str]]:
    """Where to get what is not installed yet, what is required first; warnings about the yanked."""
    current = store.current()
    there = {installed.reference: installed for installed in store.list()}
    found: dict[str, tuple[Entry, Candidate]] = {}
    warnings = []
    for entry in entries:
        counts = current.get(entry.full_name)
        if counts and standing_order(counts.version) > standing_order(entry.version):
            raise LockDiffers(
                f"{counts.reference} is installed, newer than {entry.version} of the lock file: it would be used instead.",
                hint=f"If the lock file is right: expertbuild uninstall {counts.reference}",
            )
        if installed := there.get(entry.reference):
            _compare(entry, installed.id, "installed here")
            continue
        one = _offer(entry, sources)
        if one.yanked:
            warnings.append(
                f"{entry.full_name} {entry.version} was yanked: {one.yanked}. It is installed because the lock file names it."
            )
        found[entry.full_name] = (entry, one)
    ordered = in_order(found, {name: one for name, (_, one) in found.items()})
    return [found[name] for name in ordered], [shown(warning) for warning in warnings]


def _offer(entry: Entry, sources: Sequence[Source]) -> Candidate:
    others = []
    for source in sources:
        for one in source.candidates(entry.publisher, entry.name):
            if one.version == entry.version and one.full_name == entry.full_name:
                if one.id == entry.id and all(one.variants.get(n) == dict(v) for n, v in entry.variants.items()):
                    return one
                others.append(one)
    for one in others:
        _compare(entry, one.id, f"in {one.source}")
        raise LockDiffers(
            f"{one.source} has {entry.full_name} {entry.version} for other bases than the lock file says:"
            f" {', '.join(sorted(one.variants))} and not {', '.join(sorted(entry.variants))}."
        )
    raise LockDiffers(
        f"No source has {entry.full_name} {entry.version}, which the lock file lists.",
        hint=who_was_asked(sources),
    )


def _compare(entry: Entry, id: str, where: str) -> None:
    if id != entry.id:
        raise LockDiffers(
            f"{entry.full_name} {entry.version} is {entry.id[:12]} in the lock file and {id[:12]} {where}.",
            hint="The same version with other bytes: nothing was installed.",
        )


def _read(data: bytes) -> list[Entry]:
    value = read(data, "the lock file")
    expect_version(value, "format", FORMAT, "the lock file")
    check(value, "lock", "the lock file")
    entries = [Entry(**{**each, "flags": tuple(each["flags"])}) for each in value["experts"]]
    names = [entry.full_name for entry in entries]
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise LockDiffers(f"the lock file lists {twice} twice.")
    return entries
