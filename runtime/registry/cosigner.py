"""P-256 keys for co-signatures that OpenSSF `model-signing` verifies. They publish nothing here: see `keys` for that."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime.artifact.cosignature import hint_of
from runtime.registry.keyfile import load_pem, pem_of, read_key_file, write_pair
from runtime.registry.refusals import UnsafeKey


@dataclass(frozen=True)
class P256Key:
    """A co-signer. Its text form shows the public hint only."""

    public_pem: bytes
    _key: Any

    @property
    def hint(self) -> str:
        return hint_of(self.public_pem)

    def sign(self, data: bytes) -> bytes:
        """ECDSA with SHA-256; the same key and bytes give the same signature where the library can do that."""
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
        from cryptography.hazmat.primitives.hashes import SHA256

        try:
            made: bytes = self._key.sign(data, ECDSA(SHA256(), deterministic_signing=True))
        except UnsupportedAlgorithm:
            made = self._key.sign(data, ECDSA(SHA256()))
        return made

    def __repr__(self) -> str:
        return f"P256Key({self.hint})"


def keygen_p256(path: Path, passphrase: str | None = None) -> P256Key:
    """Make a P-256 key pair at `path` (NAME.pem) and beside it (NAME.pub)."""
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

    key = generate_private_key(SECP256R1())
    made = P256Key(_public_pem(key), key)
    write_pair(path, pem_of(key, passphrase), made.public_pem)
    return made


def load_p256(path: Path, passphrase: str | None = None, *, ask: bool = False) -> P256Key:
    """A P-256 private key, under the rules for every private key."""
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey

    key = load_pem(path, passphrase, ask=ask)
    if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
        raise UnsafeKey("The key is not a P-256 key.", where=str(path), hint="expertbuild keygen NAME --p256")
    return P256Key(_public_pem(key), key)


def load_public_p256(path: Path) -> bytes:
    """The public half, as the PEM bytes that its hint is made of."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

    key: Any = None
    with suppress(ValueError, TypeError, UnsupportedAlgorithm):
        key = load_pem_public_key(read_key_file(path))
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise UnsafeKey("That is not a P-256 public key in PEM form.", where=str(path))
    made: bytes = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return made


def _public_pem(key: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    made: bytes = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return made
