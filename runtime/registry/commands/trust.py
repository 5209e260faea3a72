"""The verb `trust`."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime.artifact.shown import shown, table
from runtime.registry.commands.words import SHORT, print_json, read_file, write_file
from runtime.registry.refusals import UnsignedRotation

if TYPE_CHECKING:
    from runtime.registry.trust import Trust, TrustedKey


def trust(argv: Sequence[str]) -> int:
    """Say who may sign in which namespace."""
    from runtime.registry.trust import load_trust, remove_keys, trust_file

    said = _words().parse_args(argv)
    known: Trust
    match said.verb:
        case "add":
            known = _add(said)
        case "remove":
            known = remove_keys(said.namespace, said.key)
        case "rotate":
            known = _rotate(said)
        case "revoke":
            known = _revoke(said)
        case _:
            known = load_trust()
    if said.json:
        return print_json(_trust_as_json(known))
    rows = [
        (name, key, entry.state, entry.origin, f"{space.threshold} of {len(space.in_state('active'))}", _note(entry))
        for name, space in sorted(known.namespaces.items())
        for key, entry in sorted(space.keys.items())
    ]
    if rows:
        print(table([("NAMESPACE", "KEY", "STATE", "ORIGIN", "NEEDED", "NOTE"), *rows]))
    else:
        print(shown(f"Nobody is trusted yet ({trust_file()})."))
    return 0


def _words() -> argparse.ArgumentParser:
    words = argparse.ArgumentParser(prog="expertbuild trust", description=trust.__doc__)
    verbs = words.add_subparsers(dest="verb", required=True)
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--json", action="store_true", help="print JSON")
    add = verbs.add_parser("add", parents=[shared], help="let a key sign in a namespace")
    add.add_argument("namespace")
    add.add_argument("key", type=Path, nargs="+", help="a public key file (.pub)")
    add.add_argument("--threshold", type=int, help="how many of the namespace's keys must sign")
    add.add_argument("--note", default="", help="whose key it is, for you")
    remove = verbs.add_parser("remove", parents=[shared], help="forget a namespace, or one of its keys")
    remove.add_argument("namespace")
    remove.add_argument("key", nargs="?", help="the beginning of a key id; without it the whole namespace")
    rotate = verbs.add_parser("rotate", parents=[shared], help="put new keys in place of those in use")
    rotate.add_argument("namespace")
    rotate.add_argument(
        "files",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="the publisher's rotation file; or, with --key, new public keys",
    )
    rotate.add_argument("--key", help="the key in use until now, which signs the new ones: a rotation of one's own")
    rotate.add_argument("--threshold", type=int, help="with --key: how many of the new keys must sign")
    rotate.add_argument("--out", type=Path, help="with --key: where the rotation goes, for others to apply")
    revoke = verbs.add_parser("revoke", parents=[shared], help="never believe a key again, and flag what it let in")
    revoke.add_argument("namespace")
    revoke.add_argument("key", help="a public key file, or the beginning of a key id")
    revoke.add_argument("--note", default="", help="why, for you")
    verbs.add_parser("list", parents=[shared], help="show the trust file")
    return words


def _add(said: argparse.Namespace) -> "Trust":
    from runtime.registry.keys import load_public
    from runtime.registry.trust import add_keys

    publics = [load_public(path) for path in said.key]
    return add_keys(said.namespace, publics, threshold=said.threshold, note=said.note)


def _rotate(said: argparse.Namespace) -> "Trust":
    from runtime.registry.keyfile import named
    from runtime.registry.keys import load_private, load_public
    from runtime.registry.rotation import sign_rotation
    from runtime.registry.succession import next_rotation, rotate

    if said.key:
        rotation = next_rotation(said.namespace, [load_public(path) for path in said.files], said.threshold)
        document = sign_rotation(rotation, [load_private(named(said.key), ask=True)])
        known = rotate(said.namespace, document)
        write_file(said.out or Path(f"{said.namespace}-rotation-{rotation.sequence}.json"), document)
        return known
    document = read_file(said.files[0])
    if len(said.files) > 1 or document.startswith(b"-----BEGIN"):
        raise UnsignedRotation(
            f"Nobody has signed these keys for {said.namespace}.",
            hint="Ask the publisher for a rotation file; or sign it with the key in use until now: --key OLD.pem",
        )
    return rotate(said.namespace, document)


def _revoke(said: argparse.Namespace) -> "Trust":
    from runtime.artifact.signature import key_id
    from runtime.registry.keys import load_public
    from runtime.registry.succession import revoke

    is_file = said.key.endswith(".pub")
    beginning = key_id(load_public(Path(said.key))) if is_file else said.key
    return revoke(said.namespace, beginning, note=said.note)


def _note(entry: "TrustedKey") -> str:
    after = f"succeeded by {entry.successor[:SHORT]}" if entry.successor else ""
    return "; ".join(filter(None, (after, entry.note)))


def _trust_as_json(known: "Trust") -> dict[str, Any]:
    return {
        name: {
            "mode": space.mode,
            "threshold": space.threshold,
            "sequence": space.sequence,
            "keys": {
                key: {
                    "state": entry.state,
                    "origin": entry.origin,
                    "added": entry.added,
                    "note": entry.note,
                    "successor": entry.successor,
                }
                for key, entry in space.keys.items()
            },
        }
        for name, space in known.namespaces.items()
    }
