"""The release statement: an in-toto Statement v1 that lists every member of every variant.

There are no ignored paths: apart from the statement itself and its signatures, what is not listed is not in a package.
The SHA-256 of the statement's bytes is the package id. A package cut to some variants carries the whole statement, so
it keeps its id and its signatures. Who signed, and whether that counts, is said elsewhere.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from runtime.artifact.layout import check_names
from runtime.artifact.refusals import Inconsistent
from runtime.artifact.schema import check, expect_version
from runtime.artifact.strict_json import canonical, read_canonical

CAP = 8 * 1024 * 1024
TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:expertbuild:release:1"
UNLISTED = frozenset({"statement.json", "signatures.json", "model.sig"})  # the last is told of in `cosignature`


@dataclass(frozen=True)
class Member:
    """What a member must be, to the byte."""

    size: int
    sha256: str


@dataclass(frozen=True)
class Variant:
    """The base that a variant was built for, by the digests of its content."""

    base: str
    tokenizer: str


@dataclass(frozen=True)
class Provenance:
    """Where a release comes from, in the builder's words.

    `evaluation` holds for each base at least `n`, `expert` and `base` (the scores), and should hold `measure`,
    `interval` and `confidence`; it was measured by the builder and is shown as that.
    """

    actions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # step -> key document
    libraries: Mapping[str, str] = field(default_factory=dict)  # distribution -> version
    datasets: Mapping[str, str] = field(default_factory=dict)  # step or file -> SHA-256
    evaluation: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # base -> summary


@dataclass(frozen=True)
class Statement:
    publisher: str
    name: str
    version: str
    members: Mapping[str, Member]
    variants: Mapping[str, Variant]
    requires: Mapping[str, str] = field(default_factory=dict)
    conflicts: Mapping[str, str] = field(default_factory=dict)
    provenance: Provenance = Provenance()
    annotations: Mapping[str, Any] = field(default_factory=dict)


def package_id(statement: bytes) -> str:
    return hashlib.sha256(statement).hexdigest()


def variant_of(member: str) -> str | None:
    """The variant that a member belongs to, None for what all variants share."""
    parts = member.split("/")
    return parts[1] if parts[0] == "variants" and len(parts) == 3 else None


def write_statement(statement: Statement) -> bytes:
    """Canonical bytes: the same release gives the same statement, and so the same id."""
    provenance = statement.provenance
    predicate: dict[str, Any] = {
        "publisher": statement.publisher,
        "name": statement.name,
        "version": statement.version,
        "manifest": {"sha256": statement.members["manifest.json"].sha256},
        "variants": {
            base: {"base": {"sha256": v.base}, "tokenizer": {"sha256": v.tokenizer}}
            for base, v in statement.variants.items()
        },
        "requires": dict(statement.requires),
        "conflicts": dict(statement.conflicts),
        "provenance": {
            "actions": dict(provenance.actions),
            "libraries": dict(provenance.libraries),
            "datasets": dict(provenance.datasets),
            "evaluation": dict(provenance.evaluation),
        },
    }
    if statement.annotations:
        predicate["annotations"] = dict(statement.annotations)
    subject = [
        {"name": name, "digest": {"sha256": member.sha256}, "annotations": {"size": member.size}}
        for name, member in sorted(statement.members.items())
    ]
    data = canonical({"_type": TYPE, "predicateType": PREDICATE_TYPE, "subject": subject, "predicate": predicate})
    read_statement(data)
    return data


def read_statement(data: bytes, what: str = "statement.json") -> Statement:
    """A statement from outside: strict JSON, known kind, every field by the schema, and in agreement with itself."""
    value = read_canonical(data, what, cap=CAP)
    expect_version(value, "_type", TYPE, what)
    expect_version(value, "predicateType", PREDICATE_TYPE, what)
    check(value, "statement", what)
    names = [subject["name"] for subject in value["subject"]]
    check_names(names)
    if names != sorted(names):
        raise Inconsistent(f"{what} does not list its members in order.")
    if listed := UNLISTED.intersection(names):
        raise Inconsistent(f"{what} lists {min(listed)}, which can not vouch for itself.")
    members = {
        subject["name"]: Member(subject["annotations"]["size"], subject["digest"]["sha256"])
        for subject in value["subject"]
    }
    predicate = value["predicate"]
    _check_agreement(members, predicate, what)
    return Statement(
        publisher=predicate["publisher"],
        name=predicate["name"],
        version=predicate["version"],
        members=members,
        variants={
            base: Variant(variant["base"]["sha256"], variant["tokenizer"]["sha256"])
            for base, variant in predicate["variants"].items()
        },
        requires=predicate["requires"],
        conflicts=predicate["conflicts"],
        provenance=Provenance(**predicate["provenance"]),
        annotations=predicate.get("annotations", {}),
    )


def _check_agreement(members: Mapping[str, Member], predicate: Mapping[str, Any], what: str) -> None:
    manifest = members.get("manifest.json")
    if manifest is None or manifest.sha256 != predicate["manifest"]["sha256"]:
        raise Inconsistent(f"{what} names another manifest than it lists.")
    found = {variant_of(name) for name in members} - {None}
    if found != predicate["variants"].keys():
        strange = sorted(map(str, found ^ predicate["variants"].keys()))[0]
        raise Inconsistent(f"{what} does not list the members of the variant {strange} and its base together.")
    if unknown := predicate["provenance"]["evaluation"].keys() - found:
        raise Inconsistent(f"{what} has an evaluation of the variant {min(unknown)}, which it does not list.")
