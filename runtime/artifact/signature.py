"""Signatures of a release: a DSSE envelope around the statement, with Ed25519.

A key id is the SHA-256 of the public key as SubjectPublicKeyInfo (what `openssl pkey -pubout -outform DER` prints), so
it can be checked with other tools. Beside each signature stands the public key that claims it: that lets a first use
be offered, and proves nothing. `verify` says which keys signed; whether they may is for a trust file to say.
Points of small order, and points and scalars with two spellings, are refused here by their bytes, whatever the
library below thinks of them.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from runtime.artifact.refusals import BadEnvelope, BadSignature, WeakKey, WrongPayload
from runtime.artifact.schema import check
from runtime.artifact.strict_json import canonical, read_canonical

PAYLOAD_TYPE = "application/vnd.in-toto+json"  # of a release; what else is signed says so by another type
CAP = 16 * 1024 * 1024

# The DER prefix of every Ed25519 public key: algorithm 1.3.101.112, then 32 bytes of point.
SPKI = bytes.fromhex("302a300506032b6570032100")
_P = 2**255 - 19
_ORDER = 2**252 + 27742317777372353535851937790883648493
# The y coordinates of the eight points whose order divides 8. A test derives them from the curve.
_ORDER_8 = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
_SMALL_ORDER = frozenset({0, 1, _P - 1, _ORDER_8, _P - _ORDER_8})


class Signer(Protocol):
    """A private key, wherever it is kept."""

    @property
    def public(self) -> bytes: ...

    def sign(self, data: bytes) -> bytes: ...


@dataclass(frozen=True)
class Signature:
    """A signature and the public key that claims it."""

    public: bytes
    signature: bytes

    @property
    def key(self) -> str:
        return key_id(self.public)


@dataclass(frozen=True)
class Envelope:
    """What was signed, and by whom it is claimed to be; nothing in it is verified yet."""

    payload: bytes
    signatures: tuple[Signature, ...]
    kind: str = PAYLOAD_TYPE


def key_id(public: bytes) -> str:
    return hashlib.sha256(SPKI + public).hexdigest()


def pre_authentication(payload: bytes, kind: str = PAYLOAD_TYPE) -> bytes:
    """The bytes that are really signed: the payload bound to its type (DSSE v1)."""
    named = kind.encode("ascii")
    return b"DSSEv1 %d %s %d %s" % (len(named), named, len(payload), payload)


def sign(statement: bytes, signers: Iterable[Signer], kind: str = PAYLOAD_TYPE) -> bytes:
    """The envelope, as bytes. Ed25519 is deterministic: the same keys give the same envelope."""
    made = [Signature(s.public, s.sign(pre_authentication(statement, kind))) for s in signers]
    return write_envelope(Envelope(statement, tuple(made), kind))


def write_envelope(envelope: Envelope) -> bytes:
    """Canonical bytes; signatures in the order of their key ids."""
    data = canonical(
        {
            "payloadType": envelope.kind,
            "payload": _encode(envelope.payload),
            "signatures": [
                {"keyid": s.key, "public": _encode(s.public), "sig": _encode(s.signature)}
                for s in sorted(envelope.signatures, key=lambda s: s.key)
            ],
        }
    )
    read_envelope(data, kind=envelope.kind)
    return data


def read_envelope(data: bytes, what: str = "signatures.json", kind: str = PAYLOAD_TYPE) -> Envelope:
    """An envelope from outside, well-formed and with sound keys; `verify` comes after."""
    value = read_canonical(data, what, cap=CAP)
    if isinstance(value, dict) and value.get("payloadType") != kind:
        raise BadEnvelope(f"{what} signs a payload of type {str(value.get('payloadType'))[:80]!r}, not {kind!r}.")
    check(value, "signatures", what)
    signatures = []
    for entry in value["signatures"]:
        signature = Signature(_decode(entry["public"], 32, what), _decode(entry["sig"], 64, what))
        if signature.key != entry["keyid"]:
            raise BadEnvelope(f"{what} has a signature whose key is not the one its key id names, {entry['keyid']}.")
        check_public_key(signature.public)
        check_signature_form(signature.signature)
        signatures.append(signature)
    if len({s.key for s in signatures}) != len(signatures):
        raise BadEnvelope(f"{what} has two signatures by one key.")
    if signatures != sorted(signatures, key=lambda s: s.key):
        raise BadEnvelope(f"{what} does not have its signatures in the order of their key ids.")
    return Envelope(_decode(value["payload"], None, what), tuple(signatures), kind)


def verify(envelope: Envelope, statement: bytes) -> frozenset[str]:
    """The ids of the keys that signed this statement. One signature that does not fit spoils the envelope."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    if envelope.payload != statement:
        raise WrongPayload("signatures.json signs another statement than statement.json.")
    message = pre_authentication(statement, envelope.kind)
    for signature in envelope.signatures:
        try:
            key = Ed25519PublicKey.from_public_bytes(signature.public)
            key.verify(signature.signature, message)
        except (InvalidSignature, ValueError):
            raise BadSignature(f"The signature claimed by the key {signature.key} does not fit.") from None
    return frozenset(s.key for s in envelope.signatures)


def check_public_key(public: bytes) -> None:
    """Refuse a key that is not one canonical point of large order."""
    if len(public) != 32:
        raise WeakKey(f"A public key has 32 bytes, not {len(public)}.")
    _check_point(public, f"The public key {key_id(public)}")


def check_signature_form(signature: bytes) -> None:
    """Refuse a signature with a second spelling, or with a commitment that any message fits."""
    _check_point(signature[:32], "A signature")
    if int.from_bytes(signature[32:], "little") >= _ORDER:
        raise WeakKey("A signature has a scalar that is not reduced.")


def _check_point(encoded: bytes, what: str) -> None:
    y = int.from_bytes(encoded, "little") & (2**255 - 1)
    if y >= _P:
        raise WeakKey(f"{what} has a point that is not in canonical form.")
    if y in _SMALL_ORDER:
        raise WeakKey(f"{what} has a point of small order.")


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _decode(text: str, length: int | None, what: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise BadEnvelope(f"{what} has text that is not base64: {error}.") from None
    if _encode(data) != text or (length is not None and len(data) != length):
        raise BadEnvelope(f"{what} has base64 of the wrong length, or with a second spelling.")
    return data
