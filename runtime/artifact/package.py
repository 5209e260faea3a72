"""A package: a container whose members are exactly what its statement lists.

`open_package` checks one against itself: known members only, every digest, a manifest that agrees with the statement.
A package that opens is whole and consistent; whether its signatures are anybody's you trust is decided by
`runtime.registry.trust`. Packages are made by `runtime.artifact.release`.
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, TypeVar

from runtime.artifact import cosignature
from runtime.artifact.container import open_container
from runtime.artifact.folder import Folder
from runtime.artifact.manifest import Manifest, read_manifest
from runtime.artifact.members import TEXT_CAP, check_form, check_known
from runtime.artifact.refusals import (
    Inconsistent,
    MissingMember,
    Refused,
    UnlistedMember,
    WrongDigest,
    WrongPayload,
)
from runtime.artifact.signature import CAP as ENVELOPE_CAP
from runtime.artifact.signature import Envelope, read_envelope
from runtime.artifact.statement import CAP as STATEMENT_CAP
from runtime.artifact.statement import UNLISTED, Member, Statement, Variant, package_id, read_statement, variant_of
from runtime.artifact.strict_json import read as read_json

_HASHERS = min(4, os.cpu_count() or 1)
_WORTH_THREADS = 1024 * 1024  # bytes: hashing them takes a millisecond, starting threads a fifth of one


class Members(Protocol):
    """Where the members come from: a container, or a folder."""

    path: Path

    @property
    def names(self) -> tuple[str, ...]: ...
    def __contains__(self, name: str, /) -> bool: ...
    def size(self, name: str) -> int: ...
    def view(self, name: str) -> memoryview: ...
    def chunks(self, name: str) -> Iterator[bytes]: ...
    def read(self, name: str, *, cap: int = ...) -> bytes: ...
    def check(self, name: str) -> None: ...
    def close(self) -> None: ...


@dataclass(frozen=True)
class Glimpse:
    """What a package says of itself, read without judging anything but the container: enough to recognise what was
    verified before, never enough to accept something."""

    id: str
    publisher: str
    name: str
    version: str
    names: frozenset[str]
    signatures: str | None  # SHA-256 of signatures.json


@dataclass(frozen=True)
class Package:
    """An open package. `members` and `variants` are those that are there; the statement may list further variants."""

    path: Path
    source: Members
    id: str
    statement: Statement
    manifest: Manifest
    envelope: Envelope | None
    statement_bytes: bytes
    members: Mapping[str, Member]
    variants: tuple[str, ...]
    cosigned: cosignature.Cosignature | None = None

    def chunks(self, name: str) -> Iterator[bytes]:
        """A member in pieces that can no longer change; the last step compares them with what was signed."""
        digest = hashlib.sha256()
        for piece in self.source.chunks(name):
            digest.update(piece)
            yield piece
        if digest.hexdigest() != self.members[name].sha256:
            raise WrongDigest(f"The member {name} is not the one that was signed.", where=str(self.path))

    def read(self, name: str) -> bytes:
        return b"".join(self.chunks(name))

    def view(self, name: str) -> memoryview:
        """A member where it is mapped; `verify` or `chunks` has to have looked at it before."""
        return self.source.view(name)

    def verify(self) -> None:
        """Read every member: its checksum, its digest, its form. Both sums of large members are taken side by side."""
        with _blamed_on(self.path), ThreadPoolExecutor(_HASHERS) as pool:
            run = pool.submit if sum(m.size for m in self.members.values()) >= _WORTH_THREADS else _at_once
            sums = {name: (run(self.source.check, name), run(self._digest, name)) for name in self.members}
            for name, (checksum, digest) in sums.items():
                checksum.result()
                if digest.result() != self.members[name].sha256:
                    raise WrongDigest(f"The member {name} is not the one that was signed.")
                check_form(name, self.view(name))

    def _digest(self, name: str) -> str:
        return hashlib.sha256(self.view(name)).hexdigest()

    def close(self) -> None:
        self.source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_package(path: Path, *, verify: bool = True) -> Package:
    """Open and check a package, in a file or unpacked in a folder.

    With `verify=False` the payloads are left for `Package.chunks` to check in passing.
    """
    source: Members = Folder(path) if path.is_dir() else open_container(path)
    try:
        with _blamed_on(path):
            package = _inspect(source)
        if verify:
            package.verify()
        return package
    except BaseException:
        source.close()
        raise


def glimpse(path: Path) -> Glimpse:
    """A first look at a package file that costs no hashing of payloads and no schema."""
    with open_container(path) as container, _blamed_on(path):
        statement = _document(container, "statement.json", STATEMENT_CAP)
        value = read_json(statement, "statement.json", cap=STATEMENT_CAP)
        signed = "signatures.json" in container
        envelope = container.read("signatures.json", cap=ENVELOPE_CAP) if signed else b""
        try:
            said = [value["predicate"][field] for field in ("publisher", "name", "version")]
        except (KeyError, TypeError):
            said = []
        match said:
            case [str(publisher), str(name), str(version)]:
                digest = hashlib.sha256(envelope).hexdigest() if signed else None
                names = frozenset(container.names)
                return Glimpse(package_id(statement), publisher, name, version, names, digest)
        raise Inconsistent("statement.json does not say whose release it is.")


def _inspect(source: Members) -> Package:
    statement_bytes = _document(source, "statement.json", STATEMENT_CAP)
    statement = read_statement(statement_bytes)
    listed = frozenset(statement.members)
    check_known(listed)
    there = frozenset(source.names)
    if unlisted := there - listed - UNLISTED:
        raise UnlistedMember(f"The member {min(unlisted)} is not listed in the statement.")
    variants = _present_variants(listed, there)
    for name in sorted(there & listed):
        if source.size(name) != statement.members[name].size:
            raise WrongDigest(f"The member {name} has another size than the one that was signed.")
    members = {name: statement.members[name] for name in sorted(there & listed)}
    members["statement.json"] = _member(statement_bytes)
    manifest_bytes = _document(source, "manifest.json", TEXT_CAP)
    if _member(manifest_bytes) != members["manifest.json"]:
        raise WrongDigest("The member manifest.json is not the one that was signed.")
    manifest = read_manifest(manifest_bytes)
    _check_agreement(manifest, statement)
    envelope = None
    if "signatures.json" in there:
        envelope_bytes = _document(source, "signatures.json", ENVELOPE_CAP)
        envelope = read_envelope(envelope_bytes)
        if envelope.payload != statement_bytes:
            raise WrongPayload(
                "The signatures in signatures.json are of another statement than the one in statement.json."
            )
        members["signatures.json"] = _member(envelope_bytes)
    cosigned = None
    if cosignature.NAME in there:
        cosigned_bytes = _document(source, cosignature.NAME, cosignature.CAP)
        cosigned = cosignature.read_cosignature(cosigned_bytes, {name: m.sha256 for name, m in members.items()})
        members[cosignature.NAME] = _member(cosigned_bytes)
    return Package(
        source.path,
        source,
        package_id(statement_bytes),
        statement,
        manifest,
        envelope,
        statement_bytes,
        members,
        variants,
        cosigned,
    )


def _present_variants(listed: frozenset[str], there: frozenset[str]) -> tuple[str, ...]:
    """A package may lack whole variants of its release, and nothing else."""
    present = {variant_of(name) for name in there} - {None}
    for name in sorted(listed - there):
        base = variant_of(name)
        if base is None or base in present:
            raise MissingMember(f"The member {name} is listed in the statement and is not there.")
    if not present:
        raise MissingMember("The package has no variant for any base.")
    return tuple(sorted(str(base) for base in present))


def _check_agreement(manifest: Manifest, statement: Statement) -> None:
    for field in ("publisher", "name", "version", "requires", "conflicts"):
        if getattr(manifest, field) != getattr(statement, field):
            raise Inconsistent(f"The manifest and the statement disagree about {field}.")
    bases = {base: Variant(v.base_digest, v.tokenizer_digest) for base, v in manifest.variants.items()}
    if bases != statement.variants:
        raise Inconsistent("The manifest and the statement disagree about the variants and their bases.")
    for base, variant in manifest.variants.items():
        prefix = f"variants/{base}/"
        sizes = {n.removeprefix(prefix): m.size for n, m in statement.members.items() if n.startswith(prefix)}
        if sizes != variant.sizes:
            raise Inconsistent(f"The manifest and the statement disagree about the sizes of the variant {base}.")
    if manifest.decoding.grammar != ("grammar.gbnf" in statement.members):
        raise Inconsistent("The manifest and the statement disagree about grammar.gbnf.")


def _document(container: Members, name: str, cap: int) -> bytes:
    if name not in container:
        raise MissingMember(f"The package has no {name}.")
    return container.read(name, cap=cap)


def _member(data: bytes) -> Member:
    return Member(len(data), hashlib.sha256(data).hexdigest())


_Result = TypeVar("_Result")


def _at_once(function: Callable[[str], _Result], name: str) -> "Future[_Result]":
    """What a pool would do later, done now."""
    done: Future[_Result] = Future()
    try:
        done.set_result(function(name))
    except Exception as error:
        done.set_exception(error)
    return done


@contextmanager
def _blamed_on(path: Path) -> Iterator[None]:
    """Every refusal inside names this file."""
    try:
        yield
    except Refused as error:
        error.where = error.where or str(path)
        raise
