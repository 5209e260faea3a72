"""A package: a container whose members are exactly what its statement lists.

`open_package` checks one against itself: known members only, every digest, a manifest that agrees with the statement.
A package that opens is whole and consistent; whether its signatures are anybody's you trust is decided by
`runtime.registry.trust`. Packages are made by `runtime.artifact.release`.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from runtime.artifact.container import Container, open_container
from runtime.artifact.manifest import Manifest, read_manifest
from runtime.artifact.refusals import (
    BeyondCap,
    ForbiddenMember,
    Inconsistent,
    MissingMember,
    Refused,
    UnlistedMember,
    WrongDigest,
)
from runtime.artifact.signature import CAP as ENVELOPE_CAP
from runtime.artifact.signature import Envelope, read_envelope
from runtime.artifact.statement import CAP as STATEMENT_CAP
from runtime.artifact.statement import UNLISTED, Member, Statement, Variant, package_id, read_statement, variant_of
from runtime.artifact.strict_json import read as read_json
from runtime.artifact.tensors import Buffer, read_header

_SHARED = frozenset({"manifest.json", "grammar.gbnf", "README.md", "LICENSE"})
_IN_VARIANT = frozenset({"slots.safetensors", "prompt.safetensors", "canary.safetensors", "evaluation.json"})
_IN_PROFILE = re.compile(r"profile/[a-z0-9][a-z0-9_-]*\.(safetensors|json)")
_ADAPTERS = frozenset({"slots.safetensors", "prompt.safetensors"})
_TEXT_CAP = 8 * 1024 * 1024
_PICKLES = frozenset({"pt", "pth", "bin", "ckpt", "pkl", "pickle", "joblib", "npy", "npz", "dill", "h5"})


@dataclass(frozen=True)
class Package:
    """An open package. `members` and `variants` are those that are there; the statement may list further variants."""

    path: Path
    container: Container
    id: str
    statement: Statement
    manifest: Manifest
    envelope: Envelope | None
    statement_bytes: bytes
    members: Mapping[str, Member]
    variants: tuple[str, ...]

    def chunks(self, name: str) -> Iterator[bytes]:
        """A member in pieces that can no longer change; the last step compares them with what was signed."""
        digest = hashlib.sha256()
        for piece in self.container.chunks(name):
            digest.update(piece)
            yield piece
        if digest.hexdigest() != self.members[name].sha256:
            raise WrongDigest(f"The member {name} is not the one that was signed.", where=str(self.path))

    def read(self, name: str) -> bytes:
        return b"".join(self.chunks(name))

    def view(self, name: str) -> memoryview:
        """A member where it is mapped; `verify` or `chunks` has to have looked at it before."""
        return self.container.view(name)

    def verify(self) -> None:
        """Read every member: its checksum, its digest, its form."""
        with _blamed_on(self.path):
            for name in self.members:
                for _ in self.chunks(name):
                    pass
                check_form(name, self.view(name))

    def close(self) -> None:
        self.container.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_package(path: Path, *, verify: bool = True) -> Package:
    """Open and check a package. With `verify=False` the payloads are left for `Package.chunks` to check in passing."""
    container = open_container(path)
    try:
        with _blamed_on(path):
            package = _inspect(container)
        if verify:
            package.verify()
        return package
    except BaseException:
        container.close()
        raise


def peek_id(path: Path) -> tuple[str, frozenset[str], str]:
    """The id, the member names and the digest of the signatures, read without judging anything but the container.

    Enough to recognise what was verified before; never enough to accept something.
    """
    with open_container(path) as container, _blamed_on(path):
        statement = _document(container, "statement.json", STATEMENT_CAP)
        signatures = container.read("signatures.json", cap=ENVELOPE_CAP) if "signatures.json" in container else b""
        return package_id(statement), frozenset(container.names), hashlib.sha256(signatures).hexdigest()


def check_form(name: str, data: Buffer) -> None:
    """What can be said of a member without knowing what it is for: strict JSON, sound tensors, text of a sane size."""
    if name.endswith(".safetensors"):
        read_header(data, name)
        return
    if len(data) > _TEXT_CAP and name not in UNLISTED:
        raise BeyondCap(f"The member {name} has {len(data):,} bytes; at most {_TEXT_CAP:,} are read.")
    if name.endswith(".json"):
        read_json(bytes(data), name, cap=ENVELOPE_CAP)
    else:
        try:
            bytes(data).decode("utf-8")
        except UnicodeDecodeError:
            raise Inconsistent(f"The member {name} is not text in UTF-8.") from None


def check_known(names: frozenset[str]) -> None:
    """Refuse whatever is not one of the few members a release has, and variants that lack what they need."""
    variants: dict[str, set[str]] = {}
    for name in sorted(names):
        base = variant_of(name)
        if base is not None and name.rsplit("/", 1)[1] in _IN_VARIANT:
            variants.setdefault(base, set()).add(name.rsplit("/", 1)[1])
        elif name.rsplit(".", 1)[-1].lower() in _PICKLES:
            raise ForbiddenMember(f"The member {name} is of a kind that can carry code; tensors are safetensors.")
        elif name not in _SHARED and not _IN_PROFILE.fullmatch(name):
            raise ForbiddenMember(f"The member {name} has no place in a package.")
    for base, found in variants.items():
        for needed in ("canary.safetensors", "evaluation.json"):
            if needed not in found:
                raise MissingMember(f"The variant {base} has no {needed}.")
        if not found & _ADAPTERS:
            raise MissingMember(f"The variant {base} has neither slots.safetensors nor prompt.safetensors.")


def _inspect(container: Container) -> Package:
    statement_bytes = _document(container, "statement.json", STATEMENT_CAP)
    statement = read_statement(statement_bytes)
    listed = frozenset(statement.members)
    check_known(listed)
    there = frozenset(container.names)
    if unlisted := there - listed - UNLISTED:
        raise UnlistedMember(f"The member {min(unlisted)} is not listed in the statement.")
    variants = _present_variants(listed, there)
    for name in sorted(there & listed):
        if container.size(name) != statement.members[name].size:
            raise WrongDigest(f"The member {name} has another size than the one that was signed.")
    members = {name: statement.members[name] for name in sorted(there & listed)}
    members["statement.json"] = _member(statement_bytes)
    manifest_bytes = _document(container, "manifest.json", _TEXT_CAP)
    if _member(manifest_bytes) != members["manifest.json"]:
        raise WrongDigest("The member manifest.json is not the one that was signed.")
    manifest = read_manifest(manifest_bytes)
    _check_agreement(manifest, statement)
    envelope = None
    if "signatures.json" in there:
        envelope_bytes = _document(container, "signatures.json", ENVELOPE_CAP)
        envelope = read_envelope(envelope_bytes)
        members["signatures.json"] = _member(envelope_bytes)
    return Package(
        container.path,
        container,
        package_id(statement_bytes),
        statement,
        manifest,
        envelope,
        statement_bytes,
        members,
        variants,
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


def _document(container: Container, name: str, cap: int) -> bytes:
    if name not in container:
        raise MissingMember(f"The package has no {name}.")
    return container.read(name, cap=cap)


def _member(data: bytes) -> Member:
    return Member(len(data), hashlib.sha256(data).hexdigest())


class _blamed_on:
    """Every refusal inside names this file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, Refused) and not error.where:
            error.where = str(self._path)
