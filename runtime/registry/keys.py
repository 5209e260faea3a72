"""Signing keys: made here, kept in files that nobody else can read, found again by their public id.

A key is a pair of files: NAME.pem, the private half (PKCS8, encrypted if a passphrase is given), and NAME.pub, the
public half to hand to others. Ids are read from the public half, so that a build with nothing to do neither opens a
private key nor imports a cryptography library. Who may sign what is the trust file's business.
"""

import base64
import binascii
import os
import secrets
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.artifact.signature import SPKI, check_public_key, key_id
from runtime.errors import Mistake, Problem
from runtime.home import config_home
from runtime.registry.refusals import UnsafeKey
from runtime.registry.trust import OWN, add_keys, load_trust

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PASSPHRASE = "EXPERTBUILD_PASSPHRASE"
_LARGEST = 16 * 1024


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


def key_folder() -> Path:
    return config_home() / "keys"


def keygen(path: Path, passphrase: str | None = None) -> PrivateKey:
    """Make a key pair at `path` (NAME.pem) and beside it (NAME.pub). Never overwrites one."""
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    public_path = path.with_suffix(".pub")
    if path.suffix == ".pub" or path.exists() or public_path.exists():
        raise Mistake("There is a key already.", where=str(path), hint="Give another name.")
    key = Ed25519PrivateKey.generate()
    protection: form.KeySerializationEncryption = form.NoEncryption()
    if passphrase:
        protection = form.BestAvailableEncryption(passphrase.encode())
    private = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, protection)
    made = PrivateKey(_public_of(key), key)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _create(path, private, 0o600)
        _create(public_path, public_pem(made.public), 0o644)
    except FileExistsError:
        raise Mistake("There is a key already.", where=str(path), hint="Give another name.") from None
    except OSError as error:
        raise Problem(f"The key could not be written: {error.strerror}.", where=str(path)) from error
    return made


def load_private(path: Path, passphrase: str | None = None) -> PrivateKey:
    """A private key, refused if others can read the file. The passphrase may come from EXPERTBUILD_PASSPHRASE."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    data = _read(path, private=True)
    passphrase = passphrase or os.environ.get(PASSPHRASE)
    encrypted = b"ENCRYPTED" in data
    if encrypted and not passphrase:
        raise UnsafeKey("The key is encrypted.", where=str(path), hint=f"Put its passphrase into {PASSPHRASE}.")
    try:
        key = load_pem_private_key(data, passphrase.encode() if encrypted and passphrase else None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        why = "The passphrase does not open it." if encrypted else "It is not a private key in PEM form."
        raise UnsafeKey(f"The key can not be loaded. {why}", where=str(path)) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise UnsafeKey("The key is not an Ed25519 key.", where=str(path))
    return PrivateKey(_public_of(key), key)


def load_public(path: Path) -> bytes:
    """The 32 bytes of the public half in a file as `keygen` or `openssl pkey -pubout` writes it."""
    text = _read(path).decode("ascii", "replace")
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
            _create(public, public_pem(load_private(private).public), 0o644)
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


def _read(path: Path, *, private: bool = False) -> bytes:
    try:
        with open(path, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if private and mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise UnsafeKey("Others can read this private key.", where=str(path), hint=f"chmod 600 {path}")
            return file.read(_LARGEST)
    except OSError as error:
        raise Mistake(f"The key can not be read: {error.strerror}.", where=str(path)) from None


def _create(path: Path, data: bytes, mode: int) -> None:
    """A new file, whole from the first moment and with these permissions; an existing one is left alone."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with open(descriptor, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        os.link(partial, path)
    finally:
        partial.unlink()


def _notes() -> Path:
    return key_folder() / "by-id"


def _remember(identity: str, path: Path) -> None:
    note = _notes() / identity
    with suppress(OSError):
        if note.is_symlink() and os.readlink(note) == str(path):
            return
        _notes().mkdir(parents=True, exist_ok=True, mode=0o700)
        partial = note.with_name(f".{identity}.{secrets.token_hex(4)}")
        partial.symlink_to(path)
        os.replace(partial, note)
