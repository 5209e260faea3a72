"""The verb `keygen`."""

import os
import sys
from collections.abc import Sequence

from runtime.artifact.shown import shown
from runtime.errors import Mistake
from runtime.registry.commands.words import parser, print_json


def keygen(argv: Sequence[str]) -> int:
    """Make a signing key. It is encrypted, unless you say otherwise."""
    from runtime.registry.cosigner import keygen_p256
    from runtime.registry.keyfile import PASSPHRASE, key_folder, named
    from runtime.registry.keys import keygen as make

    words = parser("keygen", keygen.__doc__)
    words.add_argument("name", help=f"NAME for a key in {key_folder()}, or a path that ends in .pem")
    words.add_argument("--p256", action="store_true", help="a key for co-signatures that model-signing verifies")
    words.add_argument(
        "--plain",
        action="store_true",
        help=f"do not encrypt it; otherwise {PASSPHRASE} or a person gives the passphrase",
    )
    said = words.parse_args(argv)
    path = named(said.name) if said.name.endswith(".pem") else key_folder() / f"{said.name.rpartition('/')[2]}.pem"
    passphrase = None if said.plain else os.environ.get(PASSPHRASE) or _ask_passphrase(PASSPHRASE)
    identity = keygen_p256(path, passphrase).hint if said.p256 else make(path, passphrase).id
    public = path.with_suffix(".pub")
    if said.json:
        made = {"id": identity, "private": str(path), "public": str(public), "encrypted": not said.plain}
        return print_json({**made, "kind": "p256" if said.p256 else "ed25519"})
    print(shown(f"Made the key {identity}"))
    if said.p256:
        print(shown(f"  private: {path} (co-sign with expertbuild sign PACKAGE --p256 {path})"))
        print(
            shown(
                f"  public:  {public} (hand it out; others type: model_signing verify key --public_key {public.name})"
            )
        )
        return 0
    print(shown(f"  private: {path} (keep it; sign with package.key={path})"))
    print(shown(f"  public:  {public} (hand it out; others type: expertbuild trust add NAMESPACE {public.name})"))
    return 0


def _ask_passphrase(variable: str) -> str:
    from getpass import getpass

    if not sys.stdin.isatty():
        raise Mistake(
            "A key is encrypted, and there is nobody here to ask for a passphrase.",
            hint=f"Put one into {variable}, or make an unencrypted key with --plain.",
        )
    first = getpass("Passphrase: ")
    if not first or getpass("Again: ") != first:
        raise Mistake("The passphrase is empty, or the second time was different.", hint="--plain makes a key without.")
    return first
