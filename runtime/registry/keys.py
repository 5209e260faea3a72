"""Signing keys: made here, kept in files that nobody else can read, found again by their public id.

A key is a pair of files: NAME.pem, the private half (PKCS8, encrypted if a passphrase is given), and NAME.pub, the
public half to hand to others. Ids are read from the public half, so that a build with nothing to do neither opens a
private key nor imports a cryptography library. Who may sign what is the trust file's business.
"""

import base64
import binascii
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.artifact.signature import SPKI, check_public_key, key_id
from runtime.errors import Mistake, Problem
from runtime.registry.keyfile import (
    create,
    key_folder,
    load_pem,
    make_folder,
    pem_of,
    read_key_file,
    write_pair,
)
from runtime.registry.refusals import UnsafeKey
from runtime.registry.trust import OWN, add_keys, load_trust

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


@dataclass(frozen=True)
class PrivateKey:
    """A signer. Its text form shows the public id only."""

    public: bytes
    _key: "Ed25519PrivateKey"

    @property
    def id(self) -> str:
        return key_id(self.public)

    def sign(self, data: bytes) -> bytes:
        return self._key.sign(data)

    def __repr__(self) -> str:
        return f"PrivateKey({self.id})"


def keygen(path: Path, passphrase: str | None = None) -> PrivateKey:
    """Make a key pair at `path` (NAME.pem) and beside it (NAME.pub). Never overwrites one."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    made = PrivateKey(_public_of(key), key)
    write_pair(path, pem_of(key, passphrase), public_pem(made.public))
    return made


def load_private(path: Path, passphrase: str | None = None, *, ask: bool = False) -> PrivateKey:
    """A private key, refused if others can read or replace the file; see `keyfile.load_pem` for the passphrase."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = load_pem(path, passphrase, ask=ask)
    if not isinstance(key, Ed25519PrivateKey):
        raise UnsafeKey("The key is not an Ed25519 key.", where=str(path))
    return PrivateKey(_public_of(key), key)


def load_public(path: Path) -> bytes:
    """The 32 bytes of the public half in a file as `keygen` or `openssl pkey -pubout` writes it."""
    text = read_key_file(path).decode("ascii", "replace")
    try:
        body = text.split("-----BEGIN PUBLIC KEY-----")[1].split("-----END PUBLIC KEY-----")[0]
        der = base64.b64decode("".join(body.split()), validate=True)
    except (IndexError, binascii.Error):
        der = b""
    if not der.startswith(SPKI) or len(der) != len(SPKI) + 32:
        raise UnsafeKey("That is not an Ed25519 public key in PEM form.", where=str(path))
    check_public_key(der[len(SPKI) :])
    return der[len(SPKI) :]


def public_pem(public: bytes) -> bytes:
    body = base64.b64encode(SPKI + public).decode("ascii")
    return f"-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n".encode("ascii")


def key_id_of(path: Path) -> str:
    """The public id of a key pair, and a note of where it lies, so that `signer` finds it by that id."""
    path = path.expanduser().absolute()
    public = path.with_suffix(".pub")
    identity = key_id(load_public(public)) if public.exists() else load_private(path).id
    if path.parent != key_folder():
        _remember(identity, path)
    return identity


def signer(identity: str, passphrase: str | None = None) -> PrivateKey:
    """The private key with this public id: from the key folder, or from where `key_id_of` has seen it."""
    noted = _notes() / identity
    candidates = [noted] if noted.is_symlink() else []
    for public in sorted(key_folder().glob("*.pub")):
        with suppress(Problem):
            if key_id(load_public(public)) == identity:
                candidates.append(public.with_suffix(".pem"))
    for path in candidates:
        key = load_private(path, passphrase)
        if key.id == identity:
            return key
        raise UnsafeKey("The public and the private half do not belong together.", where=str(path))
    raise Mistake(f"There is no private key {identity} in {key_folder()}.", hint="Name its file as package.key=FILE.")


def developer_key_id() -> str:
    """The id of this machine's own key, made and pinned for the namespace `local` when it is first asked for."""
    private = key_folder() / f"{OWN}.pem"
    public = private.with_suffix(".pub")
    if not private.exists():
        with suppress(Mistake):  # another process may have been faster
            keygen(private)
    if not public.exists():  # stopped between the two halves
        with suppress(FileExistsError):
            create(public, public_pem(load_private(private).public), 0o644)
    half = load_public(public)
    own = load_trust().namespaces.get(OWN)
    if own is None or key_id(half) not in own.keys:
        add_keys(OWN, [half], origin="made here", mode="development")
    return key_id(half)


def developer_key() -> PrivateKey:
    """This machine's own key."""
    return signer(developer_key_id())


def _public_of(key: "Ed25519PrivateKey") -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def _notes() -> Path:
    return key_folder() / "by-id"


def _remember(identity: str, path: Path) -> None:
    note = _notes() / identity
    with suppress(OSError):
        if note.is_symlink() and os.readlink(note) == str(path):
            return
        make_folder(_notes())
        partial = note.with_name(f".{identity}.{secrets.token_hex(4)}")
        partial.symlink_to(path)
        os.replace(partial, note)
