"""The rotation statement: which keys may sign in a namespace from now on, signed by those that could until now.

A document for publishers to hand out, in a DSSE envelope with a payload type of its own, so that a signature of a
rotation is never one of a release. It is whole by itself: the new keys stand in it, not their ids. Whether enough of the
old keys signed it, and what it changes, is for `succession`.
"""

import base64
from collections.abc import Iterable
from dataclasses import dataclass, replace

from runtime.artifact.refusals import Inconsistent
from runtime.artifact.schema import check, expect_version
from runtime.artifact.signature import (
    Envelope,
    Signature,
    Signer,
    check_public_key,
    key_id,
    read_envelope,
    sign,
    verify,
    write_envelope,
)
from runtime.artifact.strict_json import canonical, read, read_canonical
from runtime.errors import Mistake
from runtime.registry.refusals import UnsignedRotation

FORMAT = "expert-rotation/1"
KIND = "application/vnd.expertbuild.rotation+json"
CAP = 1024 * 1024


@dataclass(frozen=True)
class Rotation:
    """The whole new key set of a namespace. Keys that it does not name are retired by it."""

    namespace: str
    sequence: int
    threshold: int
    publics: tuple[bytes, ...]

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(key_id(public) for public in self.publics)


def write_rotation(rotation: Rotation) -> bytes:
    """The canonical bytes that are signed."""
    data = canonical(
        {
            "format": FORMAT,
            "namespace": rotation.namespace,
            "sequence": rotation.sequence,
            "threshold": rotation.threshold,
            "keys": [base64.b64encode(public).decode("ascii") for public in rotation.publics],
        }
    )
    read_rotation(data)
    return data


def read_rotation(data: bytes, what: str = "the rotation") -> Rotation:
    """A rotation from outside, in agreement with itself."""
    value = read_canonical(data, what, cap=CAP)
    expect_version(value, "format", FORMAT, what)
    check(value, "rotation", what)
    publics = tuple(base64.b64decode(key) for key in value["keys"])
    for public in publics:
        check_public_key(public)
    rotation = Rotation(value["namespace"], value["sequence"], value["threshold"], publics)
    if len(set(rotation.ids)) != len(publics):
        raise Inconsistent(f"{what} has a key twice.")
    if rotation.threshold > len(publics):
        raise Inconsistent(f"{what} asks for {rotation.threshold} signatures and names {len(publics)} keys.")
    return rotation


def sign_rotation(rotation: Rotation, signers: Iterable[Signer]) -> bytes:
    """The signed document, as it is handed out."""
    return sign(write_rotation(rotation), signers, KIND)


def add_signature(data: bytes, signature: Signature) -> bytes:
    """The document with one signature more, if it fits."""
    before = read_envelope_of(data)
    if signature.key in {one.key for one in before.signatures}:
        raise Mistake(f"The key {signature.key} has signed the rotation already.")
    envelope = replace(before, signatures=(*before.signatures, signature))
    verify(envelope, envelope.payload)
    return write_envelope(envelope)


def read_signed(data: bytes, what: str = "the rotation") -> Envelope:
    """The envelope of a rotation; one that nobody signed is refused as that."""
    envelope = read_envelope_of(data, what)
    if not envelope.signatures:
        raise UnsignedRotation(f"Nobody has signed {what}.", hint="The keys in use until now have to sign it.")
    return envelope


def read_envelope_of(data: bytes, what: str = "the rotation") -> Envelope:
    """A rotation with the signatures that it has so far: none, for the bare statement."""
    value = read(data, what, cap=CAP)
    if isinstance(value, dict) and value.get("signatures") == []:
        raise UnsignedRotation(f"Nobody has signed {what}.")
    bare = isinstance(value, dict) and "payloadType" not in value
    envelope = Envelope(data, (), KIND) if bare else read_envelope(data, what, KIND)
    read_rotation(envelope.payload, what)
    return envelope
