"""The verb `keygen`."""

import os
from collections.abc import Sequence
from pathlib import Path

from runtime.artifact.shown import shown
from runtime.errors import Mistake
from runtime.registry.commands.words import parser, print_json


def keygen(argv: Sequence[str]) -> int:
    """Make a signing key."""
    from runtime.registry.keys import PASSPHRASE, key_folder
    from runtime.registry.keys import keygen as make

    words = parser("keygen", keygen.__doc__)
    words.add_argument("name", help=f"NAME for a key in {key_folder()}, or a path that ends in .pem")
    words.add_argument("--encrypt", action="store_true", help=f"ask for a passphrase (or take it from {PASSPHRASE})")
    said = words.parse_args(argv)
    path = Path(said.name) if said.name.endswith(".pem") else key_folder() / f"{Path(said.name).name}.pem"
    passphrase = (os.environ.get(PASSPHRASE) or _ask_passphrase()) if said.encrypt else None
    made = make(path.absolute(), passphrase)
    public = path.with_suffix(".pub")
    if said.json:
        return print_json({"id": made.id, "private": str(path), "public": str(public), "encrypted": said.encrypt})
    print(shown(f"Made the key {made.id}"))
    print(shown(f"  private: {path} (keep it; sign with package.key={path})"))
    print(shown(f"  public:  {public} (hand it out; others type: expertbuild trust add NAMESPACE {public.name})"))
    return 0


def _ask_passphrase() -> str:
    from getpass import getpass

    first = getpass("Passphrase: ")
    if not first or getpass("Again: ") != first:
        raise Mistake("The passphrase is empty, or the second time was different.")
    return first
