"""Making packages: seal a release, sign it once more, cut it to some of its variants.

The same members, manifest, keys and provenance give the same bytes. What was written is opened and verified before it
gets its name, so a package that exists is a package that opens.
"""

import hashlib
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from runtime.artifact import cosignature
from runtime.artifact.container import Content, content_chunks, write_container
from runtime.artifact.manifest import Manifest, write_manifest
from runtime.artifact.members import check_known
from runtime.artifact.package import Package, open_package
from runtime.artifact.refusals import Inconsistent
from runtime.artifact.signature import Envelope, Signature, Signer, pre_authentication, sign, verify, write_envelope
from runtime.artifact.statement import UNLISTED, Member, Provenance, Statement, Variant, variant_of, write_statement
from runtime.errors import Mistake, Problem


def seal(
    path: Path,
    members: Mapping[str, bytes | Path],
    manifest: Manifest,
    signers: Sequence[Signer] = (),
    provenance: Provenance | None = None,
) -> str:
    """Write a release with all of its variants and return its package id.

    `members` are all but the manifest, the statement and the signatures; the sizes in the manifest are filled in here.
    Without signers the package is unsigned, and can be signed later with `add_signature`.
    """
    if made_here := (UNLISTED | {"manifest.json"}).intersection(members):
        raise Inconsistent(f"The member {min(made_here)} is made by sealing and can not be given.")
    check_known(frozenset(members))
    listed = {name: _measure(source) for name, source in members.items()}
    manifest = _with_sizes(manifest, listed)
    manifest_bytes = write_manifest(manifest)
    listed["manifest.json"] = _measure(manifest_bytes)
    statement = write_statement(
        Statement(
            publisher=manifest.publisher,
            name=manifest.name,
            version=manifest.version,
            members=listed,
            variants={base: Variant(v.base_digest, v.tokenizer_digest) for base, v in manifest.variants.items()},
            requires=manifest.requires,
            conflicts=manifest.conflicts,
            provenance=provenance or Provenance(),
        )
    )
    made: dict[str, Content] = {**members, "manifest.json": manifest_bytes, "statement.json": statement}
    if signers:
        made["signatures.json"] = sign(statement, signers)
    return _write(path, made)


def cut(package: Path, variants: Sequence[str], out: Path) -> str:
    """The package with only these variants: same statement, same signatures, same id."""
    with open_package(package) as whole:
        if not variants:
            raise Mistake("A package needs at least one variant.", where=str(package))
        for base in variants:
            if base not in whole.variants:
                there = ", ".join(whole.variants)
                raise Mistake(f"The package has no variant {base!r}.", where=str(package), hint=f"It has {there}.")
        # A co-signature covers the files of one package, so that of the whole does not hold for a part.
        dropped = {cosignature.NAME} if set(variants) != set(whole.variants) else set()
        return _rewrite(whole, out, lambda name: variant_of(name) in {None, *variants} and name not in dropped)


def add_signature(package: Path, signer: Signer, out: Path) -> str:
    """The package with one signature more; for releases that several people answer for."""
    with open_package(package) as whole:
        one = Signature(signer.public, signer.sign(pre_authentication(whole.statement_bytes)))
        return _attach(whole, one, out)


def attach(package: Path, signature: Signature, out: Path) -> str:
    """The package with a signature that was made elsewhere, if it fits."""
    with open_package(package) as whole:
        return _attach(whole, signature, out)


def cosign(package: Path, cosigner: cosignature.Cosigner, out: Path) -> str:
    """The package with a co-signature of the files that are in it, in place of an earlier one."""
    with open_package(package) as whole:
        title = f"{whole.manifest.name}-{whole.manifest.version}"
        digests = {name: member.sha256 for name, member in whole.members.items()}
        made = cosignature.write_cosignature(title, digests, cosigner)
        return _rewrite(whole, out, lambda name: True, {cosignature.NAME: made})


def _attach(whole: Package, signature: Signature, out: Path) -> str:
    before = whole.envelope.signatures if whole.envelope else ()
    if signature.key in {one.key for one in before}:
        raise Mistake(f"The key {signature.key} has signed the package already.", where=str(whole.path))
    envelope = Envelope(whole.statement_bytes, (*before, signature))
    verify(envelope, whole.statement_bytes)
    return _rewrite(whole, out, lambda name: True, {"signatures.json": write_envelope(envelope)})


def _rewrite(whole: Package, out: Path, keep: Callable[[str], bool], more: Mapping[str, bytes] | None = None) -> str:
    kept: dict[str, Content] = {name: whole.view(name) for name in whole.members if keep(name)}
    return _write(out, {**kept, **(more or {})})


def _write(path: Path, members: Mapping[str, Content]) -> str:
    candidate = path.with_name(f".{path.name}.{secrets.token_hex(4)}.unverified")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_container(candidate, members)
        try:
            with open_package(candidate) as package:
                identity = package.id
            os.replace(candidate, path)
        finally:
            candidate.unlink(missing_ok=True)
    except OSError as error:
        raise Problem(f"The package could not be written: {error.strerror}.", where=str(path)) from error
    return identity


def _measure(source: bytes | Path) -> Member:
    digest, size = hashlib.sha256(), 0
    for piece in content_chunks(source):
        digest.update(piece)
        size += len(piece)
    return Member(size, digest.hexdigest())


def _with_sizes(manifest: Manifest, members: Mapping[str, Member]) -> Manifest:
    variants = {}
    for base, variant in manifest.variants.items():
        prefix = f"variants/{base}/"
        sizes = {name.removeprefix(prefix): m.size for name, m in members.items() if name.startswith(prefix)}
        variants[base] = replace(variant, sizes=sizes)
    return replace(manifest, variants=variants)
