"""Signing with keys that are kept elsewhere: a request goes out, an answer comes back.

A request holds the very bytes that are signed, and a summary for people. Whoever answers derives the summary from the
bytes again, so that what is shown is what is signed. An answer is one signature; a bare one of 64 bytes, as openssl and
hardware make it, will do as well. What is signed is a release or a rotation, told apart by its payload type.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime.artifact.package import open_package
from runtime.artifact.refusals import BadEnvelope, Inconsistent, WrongPayload
from runtime.artifact.schema import check, expect_version
from runtime.artifact.signature import (
    PAYLOAD_TYPE,
    Signature,
    Signer,
    check_public_key,
    check_signature_form,
    key_id,
    pre_authentication,
)
from runtime.artifact.statement import read_statement
from runtime.artifact.strict_json import canonical, read
from runtime.errors import Mistake
from runtime.registry.rotation import KIND, read_envelope_of, read_rotation

REQUEST, ANSWER = "expert-sign-request/1", "expert-sign-answer/1"
CAP = 16 * 1024 * 1024
_PAE = re.compile(rb"DSSEv1 ([0-9]{1,4}) ([!-~]{1,200}) ([0-9]{1,9}) ")


@dataclass(frozen=True)
class Signable:
    """What can be signed: a payload bound to its type."""

    kind: str
    payload: bytes

    @property
    def id(self) -> str:
        return hashlib.sha256(self.payload).hexdigest()

    @property
    def bytes(self) -> bytes:
        return pre_authentication(self.payload, self.kind)

    @property
    def summary(self) -> dict[str, Any]:
        """What a person should know before signing, read from the payload itself."""
        return {"id": self.id, **_SUMMARIES[self.kind](self.payload)}

    def signed_by(self, signer: Signer) -> Signature:
        return Signature(signer.public, signer.sign(self.bytes))


def is_rotation(path: Path) -> bool:
    """Whether a file is a document rather than a package."""
    try:
        with open(path, "rb") as file:
            return file.read(1) == b"{"
    except IsADirectoryError:
        return False
    except OSError as error:
        raise Mistake(f"The file can not be read: {error.strerror}.", where=str(path)) from None


def signable(path: Path) -> Signable:
    """What is to be signed in a package or in a rotation."""
    if is_rotation(path):
        return Signable(KIND, read_envelope_of(path.read_bytes()).payload)
    with open_package(path) as package:
        return Signable(PAYLOAD_TYPE, package.statement_bytes)


def write_request(wanted: Signable) -> bytes:
    return canonical({"format": REQUEST, "bytes": _encode(wanted.bytes), "summary": wanted.summary})


def read_request(data: bytes, what: str = "the request") -> Signable:
    """What a request asks to be signed; refused if it describes something else than it holds."""
    value = read(data, what, cap=CAP)
    expect_version(value, "format", REQUEST, what)
    check(value, "sign-request", what)
    signed = _decode(value["bytes"], what)
    head = _PAE.match(signed)
    kind = head[2].decode("ascii") if head else ""
    if head is None or kind not in _SUMMARIES:
        raise BadEnvelope(f"{what} holds bytes that are neither a release nor a rotation.")
    wanted = Signable(kind, signed[head.end() :])
    if wanted.bytes != signed:
        raise BadEnvelope(f"{what} holds bytes whose lengths are not those they state.")
    if value["summary"] != wanted.summary:
        raise Inconsistent(f"{what} describes something else than it asks to be signed.")
    return wanted


def write_answer(wanted: Signable, signature: Signature) -> bytes:
    return canonical(
        {
            "format": ANSWER,
            "id": wanted.id,
            "keyid": signature.key,
            "public": _encode(signature.public),
            "sig": _encode(signature.signature),
        }
    )


def read_answer(data: bytes, wanted: Signable, public: bytes | None = None, what: str = "the answer") -> Signature:
    """The signature in an answer to `wanted`, or a bare one of 64 bytes by the key `public`."""
    if len(data) == 64:
        if public is None:
            raise Mistake("A bare signature does not say whose it is.", hint="Name its key: --public KEY.pub")
        signature = Signature(public, data)
    else:
        value = read(data, what, cap=CAP)
        expect_version(value, "format", ANSWER, what)
        check(value, "sign-answer", what)
        signature = Signature(_decode(value["public"], what), _decode(value["sig"], what))
        if value["keyid"] != signature.key:
            raise BadEnvelope(f"{what} has another key than its key id names.")
        if value["id"] != wanted.id:
            raise WrongPayload(f"{what} is a signature of {value['id'][:12]}, not of {wanted.id[:12]}.")
        if public is not None and public != signature.public:
            raise WrongPayload(f"{what} is by the key {signature.key}, not by {key_id(public)}.")
    check_public_key(signature.public)
    check_signature_form(signature.signature)
    return signature


def _release(payload: bytes) -> dict[str, Any]:
    statement = read_statement(payload)
    return {
        "what": "release",
        "name": f"{statement.publisher}/{statement.name}",
        "version": statement.version,
        "variants": sorted(statement.variants),
        "members": len(statement.members),
        "bytes": sum(member.size for member in statement.members.values()),
    }


def _rotation(payload: bytes) -> dict[str, Any]:
    rotation = read_rotation(payload)
    return {
        "what": "rotation",
        "namespace": rotation.namespace,
        "sequence": rotation.sequence,
        "threshold": rotation.threshold,
        "keys": list(rotation.ids),
    }


_SUMMARIES: dict[str, Callable[[bytes], dict[str, Any]]] = {PAYLOAD_TYPE: _release, KIND: _rotation}


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _decode(text: str, what: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise BadEnvelope(f"{what} has text that is not base64: {error}.") from None
    if _encode(data) != text:
        raise BadEnvelope(f"{what} has base64 with a second spelling.")
    return data
