"""An optional co-signature in P-256, so that the OpenSSF tool `model-signing` can verify an unpacked package.

The member `model.sig` is a sigstore bundle as that tool makes it: every file that is there with its SHA-256, but itself
and `signatures.json`, which can grow later. It is for people who check directories with that tool. It decides nothing
here: who may publish is told by Ed25519 signatures and the trust file. A package whose co-signature is not of exactly its
own files is refused, so a cut package has a new one or none. The bundle names its key by a digest only, so whether it
fits a key can be said when somebody brings the key.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from runtime.artifact.refusals import WrongCosignature
from runtime.artifact.schema import check, expect_version
from runtime.artifact.signature import PAYLOAD_TYPE, pre_authentication
from runtime.artifact.strict_json import canonical, read_canonical

NAME = "model.sig"
CAP = 1024 * 1024
MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
_IGNORED = (NAME, "signatures.json")


class Cosigner(Protocol):
    """A P-256 private key, wherever it is kept. `hint` is the SHA-256 of its public half as PEM."""

    @property
    def hint(self) -> str: ...

    def sign(self, data: bytes) -> bytes: ...


@dataclass(frozen=True)
class Cosignature:
    """A co-signature that covers the right files; by which key, only `hint` claims until `verify` was asked."""

    hint: str
    payload: bytes
    signature: bytes

    def verify(self, public_pem: bytes) -> None:
        """Refuse it unless the holder of this key made it."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.serialization import load_pem_public_key

        key = load_pem_public_key(public_pem)
        if not isinstance(key, ec.EllipticCurvePublicKey) or hint_of(public_pem) != self.hint:
            raise WrongCosignature(f"{NAME} names another key, {self.hint}.")
        try:
            key.verify(self.signature, pre_authentication(self.payload), ec.ECDSA(SHA256()))
        except InvalidSignature:
            raise WrongCosignature(f"{NAME} has a signature that does not fit the key {self.hint}.") from None


def hint_of(public_pem: bytes) -> str:
    """What the tool calls a key: the SHA-256 of its public half in PEM."""
    return hashlib.sha256(public_pem).hexdigest()


def write_cosignature(title: str, digests: Mapping[str, str], cosigner: Cosigner) -> bytes:
    """Sign these files: name to SHA-256. `title` is for people."""
    payload = _payload(title, digests)
    data = canonical(
        {
            "mediaType": MEDIA_TYPE,
            "verificationMaterial": {"publicKey": {"hint": cosigner.hint}, "tlogEntries": []},
            "dsseEnvelope": {
                "payload": base64.b64encode(payload).decode("ascii"),
                "payloadType": PAYLOAD_TYPE,
                "signatures": [
                    {"keyid": "", "sig": base64.b64encode(cosigner.sign(pre_authentication(payload))).decode("ascii")}
                ],
            },
        }
    )
    read_cosignature(data, digests)
    return data


def read_cosignature(data: bytes, digests: Mapping[str, str]) -> Cosignature:
    """The bundle, if it is of exactly these files. Nothing in it is believed: the payload must be what we would write."""
    value = read_canonical(data, NAME, cap=CAP)
    expect_version(value, "mediaType", MEDIA_TYPE, NAME)
    check(value, "cosignature", NAME)
    envelope = value["dsseEnvelope"]
    payload = _decode(envelope["payload"])
    stated = read_canonical(payload, f"the payload of {NAME}", cap=CAP)
    if payload != _payload(_title(stated), digests):
        raise WrongCosignature(
            f"{NAME} is not of exactly the files of this package{_first_difference(stated, digests)}.",
            hint="Sign it again: expertbuild sign PACKAGE --p256 KEY.pem",
        )
    hint = value["verificationMaterial"]["publicKey"]["hint"]
    return Cosignature(hint, payload, _decode(envelope["signatures"][0]["sig"]))


def _payload(title: str, digests: Mapping[str, str]) -> bytes:
    names = sorted(digests.keys() - set(_IGNORED), key=lambda name: name.split("/"))  # the tool's own order
    together = hashlib.sha256(b"".join(bytes.fromhex(digests[name]) for name in names))
    return canonical(
        {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": title, "digest": {"sha256": together.hexdigest()}}],
            "predicateType": "https://model_signing/signature/v1.0",
            "predicate": {
                "serialization": {
                    "method": "files",
                    "hash_type": "sha256",
                    "allow_symlinks": False,
                    "ignore_paths": list(_IGNORED),
                },
                "resources": [{"name": name, "algorithm": "sha256", "digest": digests[name]} for name in names],
            },
        }
    )


def _title(stated: Any) -> str:
    try:
        return str(stated["subject"][0]["name"])[:200]
    except (KeyError, IndexError, TypeError):
        return ""


def _first_difference(stated: Any, digests: Mapping[str, str]) -> str:
    try:
        covered = {str(entry["name"]): str(entry["digest"]) for entry in stated["predicate"]["resources"]}
    except (KeyError, TypeError):
        return ""
    wanted = {name: digest for name, digest in digests.items() if name not in _IGNORED}
    for name in sorted(covered.keys() | wanted.keys(), key=lambda name: (name != "statement.json", name)):
        if covered.get(name) != wanted.get(name):
            return f": see {name[:200]}"
    return ""


def _decode(text: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise WrongCosignature(f"{NAME} has text that is not base64: {error}.") from None
    if base64.b64encode(data).decode("ascii") != text:
        raise WrongCosignature(f"{NAME} has base64 with a second spelling.")
    return data
