"""Key files on the disk: read only if nobody else can read or replace them, written whole and never over another.

Knows PEM and permissions, and neither Ed25519 nor P-256: what a key is for is told in `keys` and `cosigner`. A passphrase
comes from a person or the environment and is never an argument: those are seen by every process of the machine.
"""

import os
import secrets
import stat
import sys
from pathlib import Path
from typing import Any

from runtime.errors import Mistake, Problem
from runtime.home import config_home
from runtime.registry.refusals import UnsafeKey

PASSPHRASE = "EXPERTBUILD_PASSPHRASE"
_LARGEST = 16 * 1024
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def key_folder() -> Path:
    return config_home() / "keys"


def read_key_file(path: Path) -> bytes:
    """The bytes of a public key file."""
    return _read(path, private=False)


def write_pair(path: Path, private: bytes, public: bytes) -> None:
    """A new key pair, NAME.pem and NAME.pub; an existing file is left alone."""
    public_path = path.with_suffix(".pub")
    if path.suffix == ".pub" or path.exists() or public_path.exists():
        raise _there_is_one(path)
    try:
        make_folder(path.parent)
        create(path, private, 0o600)
        create(public_path, public, 0o644)
    except FileExistsError:
        raise _there_is_one(path) from None
    except OSError as error:
        raise Problem(f"The key could not be written: {error.strerror}.", where=str(path)) from error


def load_pem(path: Path, passphrase: str | None = None, *, ask: bool = False) -> Any:
    """The private key object in a file that is its owner's alone.

    The passphrase is the one given, that of EXPERTBUILD_PASSPHRASE, or with `ask` what a person at a terminal types.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    data = _read(path, private=True)
    encrypted = b"ENCRYPTED" in data
    if encrypted:
        passphrase = passphrase or os.environ.get(PASSPHRASE) or (_typed(path) if ask and sys.stdin.isatty() else None)
        if not passphrase:
            raise UnsafeKey("The key is encrypted.", where=str(path), hint=f"Put its passphrase into {PASSPHRASE}.")
    try:
        return load_pem_private_key(data, passphrase.encode() if encrypted and passphrase else None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        why = "The passphrase does not open it." if encrypted else "It is not a private key in PEM form."
        raise UnsafeKey(f"The key can not be loaded. {why}", where=str(path)) from None


def pem_of(key: Any, passphrase: str | None) -> bytes:
    """A private key as PKCS8, encrypted if there is a passphrase."""
    from cryptography.hazmat.primitives import serialization as form

    protection: form.KeySerializationEncryption = form.NoEncryption()
    if passphrase:
        protection = form.BestAvailableEncryption(passphrase.encode())
    made: bytes = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, protection)
    return made


def named(name: str) -> Path:
    """The private key that somebody names: a path, or a name in the key folder."""
    path = Path(name).expanduser()
    if path.suffix == ".pem" or path.is_file() or "/" in name:
        return path.absolute()
    return key_folder() / f"{path.name}.pem"


def make_folder(folder: Path) -> None:
    """A folder for keys; nobody else can look into the key folder itself."""
    if folder == key_folder() or key_folder() in folder.parents:
        key_folder().mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)


def create(path: Path, data: bytes, mode: int) -> None:
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


def _read(path: Path, *, private: bool) -> bytes:
    try:
        with open(path, "rb") as file:
            if private:
                _check_private(path, os.fstat(file.fileno()))
            return file.read(_LARGEST)
    except OSError as error:
        raise Mistake(f"The key can not be read: {error.strerror}.", where=str(path)) from None


def _check_private(path: Path, status: os.stat_result) -> None:
    """As ssh has it: a key that others can read is not private, one that others can replace is not yours."""
    if status.st_mode & _OTHERS:
        raise UnsafeKey("Others can read this private key.", where=str(path), hint=f"chmod 600 {path}")
    if status.st_uid not in (os.geteuid(), 0):
        raise UnsafeKey("This private key belongs to somebody else.", where=str(path))
    folder = path.resolve().parent
    mode = os.stat(folder).st_mode
    if folder == key_folder().resolve() and mode & _OTHERS:
        raise UnsafeKey("Others can look into the key folder.", where=str(folder), hint=f"chmod 700 {folder}")
    if mode & _OTHERS_WRITE and not mode & stat.S_ISVTX:
        raise UnsafeKey("Others can replace keys in this folder.", where=str(folder), hint=f"chmod go-w {folder}")


def _typed(path: Path) -> str:
    from getpass import getpass

    return getpass(f"Passphrase of {path.name}: ")


def _there_is_one(path: Path) -> Mistake:
    return Mistake("There is a key already.", where=str(path), hint="Give another name.")
